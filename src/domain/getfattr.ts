// Reads what getfattr prints with --absolute-names --encoding=hex: each file's xattrs, in bytes whatever its name.

/** Values by name, byte strings both. */
export type Xattrs = ReadonlyMap<string, string>

/** getfattr writes a newline, a carriage return and a backslash in a name as `\ooo`. */
export const unquote = (name: string): string =>
  name.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

const unhex = (hex: string): string => hex.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)))

/** Xattrs by path, of a byte string that holds the whole output. Lines that are none are left out. */
export const parseGetfattr = (output: string): ReadonlyMap<string, Xattrs> => {
  const files = new Map<string, Map<string, string>>()
  let current: Map<string, string> | undefined
  for (const line of output.split("\n")) {
    if (line.startsWith("# file: ")) {
      current = new Map()
      files.set(unquote(line.slice(8)), current)
      continue
    }
    const [, name, hex] = /^([^=]+)=(?:0x((?:[0-9a-f]{2})*))?$/.exec(line) ?? []
    if (name !== undefined) current?.set(unquote(name), unhex(hex ?? ""))
  }
  return files
}
