/** The default machine, parsed: printed by scripts/generate.mjs, so that booting it needs no parser. */
import type { MachineDescription } from './file/schema.js';

export const DEFAULT_DESCRIPTION: MachineDescription = {
  "iommus": {
    "vtd0": {
      "enforce-snoop": true,
      "nesting": {
        "hardware": 1,
        "software": 1
      },
      "pasid-bits": 20,
      "address-width": 48,
      "page-sizes": [
        "4K",
        "2M",
        "1G"
      ],
      "page-tables": [
        "x86-64-4level",
        "x86-64-5level"
      ],
      "dirty-tracking": true,
      "reserved": [
        {
          "start": 4276092928,
          "last": 4277141503
        }
      ]
    },
    "vtd1": {
      "enforce-snoop": false,
      "nesting": {
        "hardware": 0,
        "software": 1
      },
      "pasid-bits": 0,
      "address-width": 39,
      "page-sizes": [
        "4K",
        "2M"
      ],
      "page-tables": [],
      "dirty-tracking": true,
      "reserved": [
        {
          "start": 4276092928,
          "last": 4277141503
        }
      ]
    }
  },
  "devices": {
    "vfio0": {
      "function": "0000:00:02.0",
      "iommu": "vtd1",
      "group": 1,
      "model": "dma-engine",
      "no-snoop": true,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio1": {
      "function": "0000:01:00.0",
      "iommu": "vtd0",
      "group": 2,
      "model": "dma-engine",
      "no-snoop": true,
      "pasid": true,
      "pri": true,
      "enqcmd": false
    },
    "vfio2": {
      "function": "0000:02:00.0",
      "iommu": "vtd0",
      "group": 3,
      "model": "dma-engine",
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio3": {
      "function": "0000:03:00.0",
      "iommu": "vtd0",
      "group": 4,
      "model": "dma-engine",
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio4": {
      "function": "0000:03:00.1",
      "iommu": "vtd0",
      "group": 4,
      "model": "dma-engine",
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio5": {
      "parent": "0000:04:00.0",
      "iommu": "vtd0",
      "group": 5,
      "model": "dma-engine",
      "no-snoop": false,
      "pasid": true,
      "pri": true,
      "enqcmd": true
    },
    "vfio6": {
      "parent": "0000:04:00.0",
      "iommu": "vtd0",
      "group": 6,
      "model": "dma-engine",
      "no-snoop": false,
      "pasid": true,
      "pri": true,
      "enqcmd": true
    },
    "vfio7": {
      "function": "0000:05:00.0",
      "iommu": "vtd0",
      "group": 7,
      "model": "ioat",
      "sriov": {
        "vfs": 4
      },
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio8": {
      "function": "0000:06:00.0",
      "iommu": "vtd0",
      "group": 8,
      "model": "ioat",
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio9": {
      "function": "0000:07:00.0",
      "iommu": "vtd0",
      "group": 9,
      "model": "nvme",
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false
    },
    "vfio10": {
      "function": "0000:08:00.0",
      "iommu": "vtd0",
      "group": 10,
      "model": "nvme",
      "no-snoop": false,
      "pasid": false,
      "pri": false,
      "enqcmd": false,
      "host-driver": "nvme"
    }
  },
  "fault-timeout": "10s",
  "authority": "mediated"
};
