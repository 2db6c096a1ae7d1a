// The only root rights of the backup user: one helper, with arguments that match an anchored expression.

const host = "[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?"

/**
 * The sudoers drop-in. `helper` is the absolute path of byteback-priv, which checks its arguments again: sudo matches
 * the words joined by blanks. No pty, session or log: sudo then executes the helper directly and nothing of it stays.
 */
export const sudoersDropIn = (helper: string): string =>
  `# Written by byteback setup-server, which replaces it.
Defaults:byteback env_reset,!requiretty,!use_pty,!pam_session,!pam_setcred,!log_input,!log_output,!intercept
Defaults:byteback secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults:byteback env_keep="BYTEBACK_REQUEST BYTEBACK_CLIENT"
byteback ALL=(root) NOPASSWD: ${helper} ^(push|pull|restore|list|ping|complete|typed) ${host}$, ${helper} ^enrol( ${host})?$
`

/** Regular expressions in sudoers exist since this version; before it they would be read as file name patterns. */
export const oldestSudo = "1.9.10"

/** Is a version such as `1.9.13p3` at least `oldestSudo`? */
export const isSudoNewEnough = (version: string): boolean => {
  const found = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version)
  if (found === null) return false
  const [major = 0, minor = 0, patch = 0] = found.slice(1).map((part) => Number(part ?? 0))
  return major > 1 || (major === 1 && (minor > 9 || (minor === 9 && patch >= 10)))
}
