/** The machine that exists when no machine file is given (uapi-ioasid.md, section 5): itself such a file. */
export const DEFAULT_MACHINE = `# The default machine of ioasid: two IOMMUs, ten devices that can be assigned, one of the host.

iommus:
  vtd0:
    enforce-snoop: true
    nesting: { hardware: 1, software: 1 }
    pasid-bits: 20
    address-width: 48
    page-sizes: [4K, 2M, 1G]
    page-tables: [x86-64-4level, x86-64-5level]
    dirty-tracking: true
    # The interrupt window of x86 never goes through translation.
    reserved: [{ start: 0xfee00000, last: 0xfeefffff }]
  vtd1:
    enforce-snoop: false
    nesting: { hardware: 0, software: 1 }
    pasid-bits: 0
    address-width: 39
    page-sizes: [4K, 2M]
    dirty-tracking: true
    reserved: [{ start: 0xfee00000, last: 0xfeefffff }]

devices:
  # As integrated graphics: non-coherent (box 3) wherever it is attached.
  vfio0: { function: "0000:00:02.0", iommu: vtd1, group: 1, model: dma-engine, no-snoop: true }
  # Coherent where snoop is enforced (box 1), non-coherent elsewhere (box 3).
  vfio1: { function: "0000:01:00.0", iommu: vtd0, group: 2, model: dma-engine, no-snoop: true, pasid: true, pri: true }
  # Never issues no-snoop requests: box 2 or 4.
  vfio2: { function: "0000:02:00.0", iommu: vtd0, group: 3, model: dma-engine }
  # Two functions that cannot be isolated from each other.
  vfio3: { function: "0000:03:00.0", iommu: vtd0, group: 4, model: dma-engine }
  vfio4: { function: "0000:03:00.1", iommu: vtd0, group: 4, model: dma-engine }
  # Subfunctions of one parent, isolated by PASID.
  vfio5: { parent: "0000:04:00.0", iommu: vtd0, group: 5, model: dma-engine, pasid: true, pri: true, enqcmd: true }
  vfio6: { parent: "0000:04:00.0", iommu: vtd0, group: 6, model: dma-engine, pasid: true, pri: true, enqcmd: true }
  # Intel's CBDMA ("IOAT"); the first can have virtual functions.
  vfio7: { function: "0000:05:00.0", iommu: vtd0, group: 7, model: ioat, sriov: { vfs: 4 } }
  vfio8: { function: "0000:06:00.0", iommu: vtd0, group: 8, model: ioat }
  # NVMe controllers with a disk of 64 MiB in memory each; the second is in use by the host.
  vfio9: { function: "0000:07:00.0", iommu: vtd0, group: 9, model: nvme }
  vfio10: { function: "0000:08:00.0", iommu: vtd0, group: 10, model: nvme, host-driver: nvme }

# How long a device waits for the answer to a page request.
fault-timeout: 10s

# Who may flush the CPU caches, and for how long.
authority: mediated
`;
