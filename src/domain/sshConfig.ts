// The ssh_config of one session: everything that ssh may do, and nothing of the user's or the machine's own.

/** Whom to log in to and as whom. */
export interface SshTarget {
  readonly user: string
  readonly host: string
  readonly port?: number
  /** the only key that is offered */
  readonly keyFile?: string
  /** the only known_hosts file that is believed */
  readonly knownHosts: string
  /** seconds without a sign of life after which the connection is given up; never more than the usual three minutes */
  readonly ioTimeout?: number
  /** an administrator's access: the user's own agent and keys, a password and the host key's question on the terminal */
  readonly ownIdentities?: boolean
}

/** The name that the server has within a session's configuration. */
export const sshAlias = "byteback-server"

/** A value of ssh_config. ssh would expand `%` and `${}`, and has no way to write a quote or a line end. */
const value = (text: string): string | null =>
  text === "" || /[\u0000-\u001f"\\$]/.test(text) ? null : `"${text.replaceAll("%", "%%")}"`

/** One word that ssh takes as it is: a user name, a host name or an address. */
const word = /^[A-Za-z0-9_][A-Za-z0-9_.:%+-]*$|^:[A-Fa-f0-9:.%]+$/

/** So many of these pass without an answer before ssh gives a connection up. */
const beats = 6

/**
 * The file's text, or null where a name of the target cannot be written in it. `controlPath` must be short; `ciphers` (see ciphers.ts)
 * null: ssh's own.
 */
export const sshConfig = (target: SshTarget, controlPath: string, ciphers: string | null): string | null => {
  const knownHosts = value(target.knownHosts)
  const keyFile = target.keyFile === undefined ? undefined : value(target.keyFile)
  const socket = value(controlPath)
  if (knownHosts === null || keyFile === null || socket === null) return null
  // Some ssh expand a % of the user's name and some do not.
  if (!word.test(target.host) || !word.test(target.user) || target.user.includes("%")) return null
  const own = target.ownIdentities === true
  return [
    `Host ${sshAlias}`,
    `HostName ${target.host.replaceAll("%", "%%")}`,
    `User ${target.user}`,
    ...(target.port === undefined ? [] : [`Port ${target.port}`]),
    ...(keyFile === undefined ? [] : [`IdentityFile ${keyFile}`]),
    ...(own
      ? ["StrictHostKeyChecking ask"]
      : [
          "IdentitiesOnly yes",
          "IdentityAgent none",
          ...(keyFile === undefined ? ["IdentityFile none"] : []),
          "PreferredAuthentications publickey",
          "BatchMode yes",
          "StrictHostKeyChecking yes"
        ]),
    `UserKnownHostsFile ${knownHosts}`,
    "GlobalKnownHostsFile none",
    "UpdateHostKeys no",
    "CheckHostIP no",
    "HashKnownHosts no",
    "VerifyHostKeyDNS no",
    "CanonicalizeHostname no",
    "ForwardAgent no",
    "ForwardX11 no",
    "ClearAllForwardings yes",
    "PermitLocalCommand no",
    "RequestTTY no",
    "EscapeChar none",
    "Compression no",
    ...(ciphers === null ? [] : [`Ciphers ${ciphers}`]),
    "ConnectTimeout 30",
    "ConnectionAttempts 1",
    "TCPKeepAlive yes",
    `ServerAliveInterval ${Math.min(30, Math.max(1, Math.floor((target.ioTimeout ?? Infinity) / beats)))}`,
    `ServerAliveCountMax ${beats}`,
    "LogLevel ERROR",
    "ControlMaster auto",
    `ControlPath ${socket}`,
    "ControlPersist 60",
    ""
  ].join("\n")
}

/**
 * What lets plain ssh and rsync log in as a session does, as their user types it: for the lines that a user's own
 * ssh_config has for `user` on `host`. Other logins on that host are left as they are. Null as above.
 */
export const plainSshConfig = (target: SshTarget & { readonly keyFile: string }): string | null => {
  const knownHosts = value(target.knownHosts)
  const keyFile = value(target.keyFile)
  if (knownHosts === null || keyFile === null) return null
  if (!word.test(target.host) || !word.test(target.user)) return null
  return [
    `Match host ${target.host} user ${target.user}`,
    ...(target.port === undefined ? [] : [`  Port ${target.port}`]),
    `  IdentityFile ${keyFile}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${knownHosts}`,
    "  StrictHostKeyChecking yes",
    ""
  ].join("\n")
}
