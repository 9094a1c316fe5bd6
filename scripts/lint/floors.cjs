// The floors of the house: a folder imports only from floors below it. docs/architecture.md draws them, and a test keeps
// the drawing true. A new arrow is a decision, made here with a reason.

/** From the top. `files` lie in src/ itself. */
const floors = [
  {
    name: 'faces',
    folders: ['cli', 'ui'],
    why: 'The command line and the server of the page show what the rest does; nothing may depend on how it is shown.',
  },
  {
    name: 'run',
    folders: ['runner'],
    why: 'Linux only: it serves real programs from a booted machine, and shares memory and descriptors with it.',
  },
  {
    name: 'search',
    folders: ['frontier'],
    why: 'The search for policies tries them in the checker, and tells why there is none as stories that are played.',
  },
  {
    name: 'play',
    folders: ['scenario', 'inspect', 'replay'],
    files: ['state', 'index'],
    why: 'Stories are played on a booted machine, and those who look at one read every kind of its objects.',
  },
  {
    name: 'wire',
    folders: [],
    files: ['boot'],
    why: 'Booting walks the list of personalities: the one place that knows them all.',
  },
  {
    name: 'proofs',
    folders: ['kvm'],
    why: 'KVM asks files for facets, and is asked by none.',
  },
  {
    name: 'wings',
    folders: ['ioasid', 'iommufd', 'container'],
    why: 'One wing a personality, and no wing imports another: what they share lies below them.',
  },
  {
    name: 'devices as files',
    folders: ['vfio'],
    why: 'A device file is around a function of the machine; who lets it in is the business of the wings.',
  },
  {
    name: 'machine',
    folders: ['machine', 'sysfs'],
    why: 'A machine is built from units, functions and device models; the tree of /sys tells of it.',
  },
  {
    name: 'things in slots',
    folders: ['devices'],
    why: 'A device model knows its registers and a slot, not the machine that it is in.',
  },
  {
    name: 'shared machinery',
    folders: ['pci', 'iopt', 'trace', 'sanitize'],
    why: 'PCI functions, areas of I/O addresses, the record of calls and who reads faults from it serve every device and wing alike.',
  },
  {
    name: 'kernel and IOMMU',
    folders: ['kernel', 'iommu'],
    why: 'Open files and translation know no device and no personality.',
  },
  {
    name: 'ground',
    folders: ['memory', 'check', 'inject', 'report', 'torture'],
    why: 'Memory, the checker, failures on demand and the writers of reports stand alone; the policies that are checked are those that run.',
  },
  {
    name: 'base',
    folders: ['abi', 'authority'],
    why: 'Layouts, numbers and policies depend on nothing.',
  },
];

/** Arrows between folders of one floor, each with its reason. */
const beside = [
  { from: 'machine', to: 'sysfs', why: 'The functions of a machine are seen in /sys as they come and go.' },
  { from: 'cli', to: 'ui', why: 'A command starts the server of the page.' },
];

module.exports = { floors, beside };
