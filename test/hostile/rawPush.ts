// The client's half of rsync's protocol 29, byte for byte, so that a file list may say what no rsync would.

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

const long = (value: bigint): Buffer => {
  if (value <= 0x7fffffffn) return int(Number(value))
  const bytes = Buffer.alloc(12, 0xff)
  bytes.writeBigInt64LE(value, 4)
  return bytes
}

/** An entry of a file list; `data` is sent for what has a content. */
export interface Entry {
  readonly bytes: Buffer
  readonly data: boolean
}

const content = Buffer.from("written by a raw client\n")

const entry = (name: string, mode: number, size: bigint, more: Buffer, data: boolean): Entry => {
  const text = Buffer.from(name)
  // XMIT_LONG_NAME: the name's length is an int; nothing is the same as before
  return {
    bytes: Buffer.concat([
      Buffer.from([0x40]),
      int(text.length),
      text,
      long(size),
      int(1_700_000_000),
      int(mode),
      more
    ]),
    data
  }
}

export const fileList = {
  file: (name: string, size: bigint = BigInt(content.length)): Entry =>
    entry(name, 0o100644, size, Buffer.alloc(0), true),
  directory: (name: string): Entry => entry(name, 0o040755, 0n, Buffer.alloc(0), false),
  /** for a push with -o, where each entry has an owner */
  owned: (name: string, owner: number): Entry => entry(name, 0o100644, BigInt(content.length), int(owner), true),
  /** one of whose content nothing is sent */
  absent: (name: string): Entry => entry(name, 0o100644, 1n, Buffer.alloc(0), false),
  link: (name: string, target: string): Entry =>
    entry(name, 0o120777, 0n, Buffer.concat([int(target.length), Buffer.from(target)]), false),
  device: (name: string, major: number, minor: number): Entry =>
    entry(name, 0o060666, 0n, Buffer.concat([int(major), int(minor)]), false)
}

/**
 * All that a client sends for `rsync --server -rlDt --inplace`: version, file list, each file's content unasked, ends of
 * phases. Without the server's seed the closing checksum cannot be right; --inplace has written the data by then.
 */
export const rawPush = (entries: ReadonlyArray<Entry>): Buffer => {
  const transfer = 0x8000
  const files = entries.flatMap(({ data }, index) => {
    if (!data) return []
    const flags = Buffer.alloc(2)
    flags.writeUInt16LE(transfer)
    const sums = [int(0), int(700), int(2), int(0)]
    return [int(index), flags, ...sums, int(content.length), content, int(0), Buffer.alloc(16)]
  })
  return Buffer.concat([
    int(29),
    ...entries.map(({ bytes }) => bytes),
    Buffer.from([0]),
    int(0),
    ...files,
    ...[-1, -1, -1, -1, -1].map(int)
  ])
}

/** What a client sends that wants files, up to its filter rules: of these there is one, as it stands. */
export const rawFilter = (rule: string): Buffer =>
  Buffer.concat([int(29), int(Buffer.byteLength(rule)), Buffer.from(rule), int(0)])
