// The stream that `btrfs send` makes of the difference between two snapshots: its commands, read strictly from pieces of any size.

/** What a command does to paths (byte strings, relative to the snapshot); what byteback has no use for is `other`. */
export type SendCommand =
  | { readonly _tag: "make"; readonly path: string; readonly directory: boolean }
  | { readonly _tag: "rename"; readonly path: string; readonly to: string }
  | { readonly _tag: "link"; readonly path: string; readonly to: string }
  | { readonly _tag: "remove"; readonly path: string; readonly directory: boolean }
  /** `bytes`: how much of the file is other data, where the stream says it without the data itself */
  | { readonly _tag: "content"; readonly path: string; readonly bytes: number }
  | { readonly _tag: "metadata" | "times"; readonly path: string }
  | { readonly _tag: "end" | "other" }

/** It is no such stream, or one that was damaged. */
export class NotASendStream extends Error {}

const magic = "btrfs-stream\0"
const headerSize = magic.length + 4
const commandHeader = 10

/** A command holds one path and no data; xattrs are at most 64 KiB. */
const longestCommand = 1024 * 1024

/** Numbers of the attributes that hold a size and paths; that of file data, whose length newer streams leave out. */
const attribute = { size: 4, path: 15, to: 16, link: 17, data: 19 } as const

const text = (bytes: Uint8Array): string => {
  let out = ""
  for (const byte of bytes) out += String.fromCharCode(byte)
  return out
}

const attributes = (body: Uint8Array, version: number): ReadonlyMap<number, Uint8Array> => {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const found = new Map<number, Uint8Array>()
  for (let at = 0; at < body.length;) {
    if (at + 2 > body.length) throw new NotASendStream("an attribute is cut")
    const type = view.getUint16(at, true)
    const rest = version > 1 && type === attribute.data
    if (!rest && at + 4 > body.length) throw new NotASendStream("an attribute is cut")
    const start = at + (rest ? 2 : 4)
    const end = rest ? body.length : start + view.getUint16(at + 2, true)
    if (end > body.length) throw new NotASendStream("an attribute is longer than its command")
    found.set(type, body.subarray(start, end))
    at = end
  }
  return found
}

const sizeIn = (bytes: Uint8Array | undefined): number => {
  if (bytes === undefined) return 0
  if (bytes.length !== 8) throw new NotASendStream("a size is no number")
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true))
}

/** By the kernel's numbers of commands (fs/btrfs/send.h). */
const commandOf = (number: number, body: Uint8Array, version: number): SendCommand => {
  const given = attributes(body, version)
  const path = (type: number): string => {
    const bytes = given.get(type)
    if (bytes === undefined) throw new NotASendStream("a command has no path")
    return text(bytes)
  }
  const at = () => path(attribute.path)
  switch (number) {
    case 4:
      return { _tag: "make", path: at(), directory: true }
    case 3:
    case 5:
    case 6:
    case 7:
    case 8:
      return { _tag: "make", path: at(), directory: false }
    case 9:
      return { _tag: "rename", path: at(), to: path(attribute.to) }
    case 10:
      return { _tag: "link", path: at(), to: path(attribute.link) }
    case 11:
      return { _tag: "remove", path: at(), directory: false }
    case 12:
      return { _tag: "remove", path: at(), directory: true }
    case 13:
    case 14:
    case 18:
    case 19:
    case 24:
      return { _tag: "metadata", path: at() }
    case 15:
    case 16:
    case 17:
    case 23:
    case 25:
      return { _tag: "content", path: at(), bytes: 0 }
    case 22:
      return { _tag: "content", path: at(), bytes: sizeIn(given.get(attribute.size)) }
    case 20:
      return { _tag: "times", path: at() }
    case 21:
      return { _tag: "end" }
    default:
      return { _tag: "other" }
  }
}

/** Takes a stream piece by piece, and throws NotASendStream at the first byte that cannot be. */
export class SendStream {
  #rest: Uint8Array = new Uint8Array(0)
  #version = 0

  /** The commands that this piece completes. */
  take(piece: Uint8Array): ReadonlyArray<SendCommand> {
    const bytes = new Uint8Array(this.#rest.length + piece.length)
    bytes.set(this.#rest)
    bytes.set(piece, this.#rest.length)
    const view = new DataView(bytes.buffer)
    const commands: Array<SendCommand> = []
    let at = 0
    if (this.#version === 0 && bytes.length >= headerSize) {
      if (text(bytes.subarray(0, magic.length)) !== magic) throw new NotASendStream("it does not begin as one")
      this.#version = view.getUint32(magic.length, true)
      if (this.#version < 1 || this.#version > 3) throw new NotASendStream("its version is unknown")
      at = headerSize
    }
    while (this.#version > 0 && at + commandHeader <= bytes.length) {
      const length = view.getUint32(at, true)
      if (length > longestCommand) throw new NotASendStream("a command is too long")
      const end = at + commandHeader + length
      if (end > bytes.length) break
      commands.push(commandOf(view.getUint16(at + 4, true), bytes.subarray(at + commandHeader, end), this.#version))
      at = end
    }
    this.#rest = bytes.slice(at)
    return commands
  }
}
