// Lines of known_hosts: how a client remembers the server's own keys.

/** The lines that pin a server's keys (`TYPE BASE64` each) under the name and port by which it is reached. */
export const knownHostLines = (
  server: { readonly host: string; readonly port?: number | undefined },
  keys: ReadonlyArray<string>
): string => {
  const name = server.port === undefined || server.port === 22 ? server.host : `[${server.host}]:${server.port}`
  return keys.map((key) => `${name} ${key}\n`).join("")
}

/** The keys, `TYPE BASE64` each, that stand in such lines under whatever name; marked and malformed lines do not count. */
export const keysOfLines = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.flatMap((line) => {
    const found = /^[^\s#@]\S* ([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?:\s.*)?$/.exec(line)
    return found === null ? [] : [`${found[1]} ${found[2]}`]
  })

/** What an administrator may give to name a host key: its fingerprint, the key, or its known_hosts line. */
export const isHostKey = (given: string, key: string, fingerprint: string): boolean => {
  const text = given.trim()
  if (text.startsWith("SHA256:")) return text.replace(/=+$/, "") === fingerprint
  return `${text} `.startsWith(`${key} `) || keysOfLines([text]).includes(key)
}
