/** The ids of objects: those that links and questions name. */

export const deviceId = (requester: string): string => `device:${requester}`;
export const fileId = (context: number): string => `file:${context}`;
export const spaceId = (context: number, ioasid: number): string => `ioasid:${context}:${ioasid}`;
export const vmId = (vm: number): string => `vm:${vm}`;
export const unitId = (name: string): string => `iommu:${name}`;
/** As any-kind.ts names what the personalities say of themselves. */
export const iommufdId = (context: number): string => `iommufd:${context}`;
export const ioasId = (context: number, id: number): string => `${iommufdId(context)}/IOAS:${id}`;
export const containerId = (container: number): string => `container:${container}`;
