// Which ciphers a session offers, the quickest first.

/** All that OpenSSH offers by itself (6.5 to 10), in another order; its own is ChaCha20 first, which suits processors without AES. */
const aesFirst = [
  ...["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"],
  ...["aes128-ctr", "aes192-ctr", "aes256-ctr"]
].join(",")

/**
 * A value for ssh's `Ciphers`, or null where ssh's own order is best. `cpuinfo` is how /proc/cpuinfo begins: the flags of the first
 * processor tell whether it does AES by itself, as x86 has it and most of arm64.
 */
export const ciphersFor = (cpuinfo: string): string | null =>
  /^(?:flags|Features)\s*:.*\baes\b/m.test(cpuinfo) ? aesFirst : null
