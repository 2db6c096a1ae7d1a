// The system calls that nothing in the sandbox may make: a seccomp filter, written out as the BPF program that bwrap loads.

/** Processors that byteback's runtime is shipped for, by Node's names. */
export type Processor = "x64" | "arm64"

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64: a call by another convention (32 bit) ends the process. */
const conventions: Record<Processor, number> = { x64: 0xc000003e, arm64: 0xc00000b7 }

/** Number of a call on each processor; null where it does not exist. */
type Call = readonly [name: string, x64: number | null, arm64: number | null]

/** Refused whatever their arguments. rsync and the lister of old clients need none of them. */
export const denied: ReadonlyArray<Call> = [
  // mounts and roots
  ["mount", 165, 40],
  ["umount2", 166, 39],
  ["pivot_root", 155, 41],
  ["chroot", 161, 51],
  ["open_tree", 428, 428],
  ["move_mount", 429, 429],
  ["fsopen", 430, 430],
  ["fsconfig", 431, 431],
  ["fsmount", 432, 432],
  ["fspick", 433, 433],
  ["mount_setattr", 442, 442],
  // namespaces
  ["unshare", 272, 97],
  ["setns", 308, 268],
  // other processes
  ["ptrace", 101, 117],
  ["process_vm_readv", 310, 270],
  ["process_vm_writev", 311, 271],
  ["kcmp", 312, 272],
  ["pidfd_getfd", 438, 438],
  // sockets: rsync talks over the pipes that it has, and makes pairs of them
  ["socket", 41, 198],
  ["connect", 42, 203],
  ["bind", 49, 200],
  ["listen", 50, 201],
  ["accept", 43, 202],
  ["accept4", 288, 242],
  // doors into the kernel
  ["bpf", 321, 280],
  ["perf_event_open", 298, 241],
  ["userfaultfd", 323, 282],
  ["keyctl", 250, 219],
  ["add_key", 248, 217],
  ["request_key", 249, 218],
  ["io_uring_setup", 425, 425],
  ["io_uring_enter", 426, 426],
  ["io_uring_register", 427, 427],
  ["init_module", 175, 105],
  ["finit_module", 313, 273],
  ["delete_module", 176, 106],
  ["kexec_load", 246, 104],
  ["kexec_file_load", 320, 294],
  ["name_to_handle_at", 303, 264],
  ["open_by_handle_at", 304, 265],
  ["fanotify_init", 300, 262],
  ["quotactl", 179, 60],
  ["quotactl_fd", 443, 443],
  ["acct", 163, 89],
  ["swapon", 167, 224],
  ["swapoff", 168, 225],
  ["reboot", 169, 142],
  ["syslog", 103, 116],
  ["personality", 135, 92],
  ["memfd_create", 319, 279],
  ["execveat", 322, 281],
  // under --fake-super all that is no file or directory is written as a file
  ["mknod", 133, null],
  ["mknodat", 259, 33],
  ["symlink", 88, null],
  ["symlinkat", 266, 36]
]

/** glibc falls back to clone, whose flags can be looked at. */
const unknown: Call = ["clone3", 435, 435]

/** Calls that depend on the low word of one argument: refused where `(argument & mask) == value` is not as `allowed` says. */
const judged: ReadonlyArray<{
  readonly call: Call
  readonly argument: number
  readonly mask: number
  readonly value: number
  readonly allowed: boolean
}> = [
  // every ioctl of btrfs has the type 0x94
  { call: ["ioctl", 16, 29], argument: 1, mask: 0xff00, value: 0x9400, allowed: false },
  // TIOCSTI and TIOCLINUX type into a terminal: an administrator may read a host's files on one
  { call: ["ioctl", 16, 29], argument: 1, mask: 0xffffffff, value: 0x5412, allowed: false },
  { call: ["ioctl", 16, 29], argument: 1, mask: 0xffffffff, value: 0x541c, allowed: false },
  // all CLONE_NEW* flags
  { call: ["clone", 56, 220], argument: 0, mask: 0x7e020080, value: 0, allowed: true },
  // AF_UNIX
  { call: ["socketpair", 53, 199], argument: 0, mask: 0xffffffff, value: 1, allowed: true }
]

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, k: number]

const load = (offset: number): Instruction => [0x20, 0, 0, offset]
const and = (mask: number): Instruction => [0x54, 0, 0, mask]
/** Goes on when equal, else leaves out so many instructions. */
const unlessEqual = (value: number, skip: number): Instruction => [0x15, 0, skip, value]
/** The other way round. */
const ifEqual = (value: number, skip: number): Instruction => [0x15, skip, 0, value]
const unlessAtLeast = (value: number, skip: number): Instruction => [0x35, 0, skip, value]
const end = (action: number): Instruction => [0x06, 0, 0, action]

const kill = end(0x80000000)
const allow = end(0x7fff0000)
const fail = (errno: number): Instruction => end(0x00050000 | errno)
const eperm = 1
const enosys = 38

/** Where struct seccomp_data keeps the call's number, its convention and the low word of an argument. */
const at = { number: 0, convention: 4, argument: (index: number) => 16 + 8 * index }

/** The filter: eight bytes an instruction, little-endian, as both processors have it. */
export const seccompFilter = (processor: Processor): Uint8Array => {
  const number = ([, x64, arm64]: Call) => (processor === "x64" ? x64 : arm64)
  const refuse = (call: Call, errno: number): ReadonlyArray<Instruction> => {
    const nr = number(call)
    return nr === null ? [] : [unlessEqual(nr, 1), fail(errno)]
  }
  const program: ReadonlyArray<Instruction> = [
    load(at.convention),
    unlessEqual(conventions[processor], 1),
    [0x05, 0, 0, 1],
    kill,
    load(at.number),
    // the x32 convention has its calls under other numbers
    ...(processor === "x64" ? [unlessAtLeast(0x40000000, 1), kill] : []),
    ...denied.flatMap((call) => refuse(call, eperm)),
    ...refuse(unknown, enosys),
    ...judged.flatMap(({ call, argument, mask, value, allowed }) => [
      unlessEqual(number(call)!, 5),
      load(at.argument(argument)),
      and(mask),
      allowed ? ifEqual(value, 1) : unlessEqual(value, 1),
      fail(eperm),
      load(at.number)
    ]),
    allow
  ]
  const bytes = new DataView(new ArrayBuffer(program.length * 8))
  program.forEach(([code, ifTrue, ifFalse, k], index) => {
    bytes.setUint16(index * 8, code, true)
    bytes.setUint8(index * 8 + 2, ifTrue)
    bytes.setUint8(index * 8 + 3, ifFalse)
    bytes.setUint32(index * 8 + 4, k, true)
  })
  return new Uint8Array(bytes.buffer)
}
