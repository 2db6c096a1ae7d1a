// Why ssh ended with 255, read from what it said.

export const sshReasons = [
  "unreachable",
  "unknown-name",
  "host-key-changed",
  "host-key-unknown",
  "key-refused",
  "lost",
  "refused",
  "timeout",
  "not-installed",
  "local",
  "failed"
] as const

/**
 * `refused`: the server hung up before anybody could log in, as a busy sshd does. `lost`: a connection that stood is
 * gone. `local`: this is no server, or not root's session on it. `key-refused`: neither this key nor anything else that was
 * offered may log in.
 */
export type SshReason = (typeof sshReasons)[number]

/** The first line that matches decides, so what is most telling stands first. */
const signs: ReadonlyArray<readonly [RegExp, SshReason]> = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|POSSIBLE DNS SPOOFING/, "host-key-changed"],
  [/No \S+ host key is known for|Host key verification failed|no matching host key type/, "host-key-unknown"],
  [/UNPROTECTED PRIVATE KEY FILE|Load key ".*": (?!No such file)/, "key-refused"],
  [/Permission denied \(|Too many authentication failures|No more authentication methods/, "key-refused"],
  [/Temporary failure in name resolution/, "unreachable"],
  [/Could not resolve hostname/, "unknown-name"],
  [
    /Connection timed out during banner exchange|Connection to \S+ port \d+ timed out|Timeout, server|Operation timed out|Connection timed out/,
    "timeout"
  ],
  [
    /Connection refused|No route to host|Network is unreachable|Host is down|Network is down|Cannot assign requested address/,
    "unreachable"
  ],
  [
    /kex_exchange_identification|banner exchange|\[preauth\]|ssh_dispatch_run_fatal|Exceeded MaxStartups|Not allowed at this time/,
    "refused"
  ],
  [
    /Connection closed by|Connection reset by|Connection to .* closed|Broken pipe|mux_client|client_loop|Control socket connect|Shared connection/,
    "lost"
  ]
]

/** The reason in ssh's stderr. `wasConnected`: the session's connection had stood before. */
export const sshFailure = (stderr: string, wasConnected: boolean): SshReason => {
  const found = signs.find(([sign]) => sign.test(stderr))?.[1] ?? (wasConnected ? "lost" : "failed")
  // before a session stands, a connection that is closed on us is a refusal
  return found === "lost" && !wasConnected ? "refused" : found
}

/** May the same go better in a while, with nobody having changed anything? */
export const sshMayPass = (reason: SshReason): boolean =>
  reason === "unreachable" || reason === "lost" || reason === "refused" || reason === "timeout"
