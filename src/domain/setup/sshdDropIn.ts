// What sshd is told about the backup user, and how to see that it took it to heart.

/** The sshd drop-in. `keys` is the absolute path of the root-owned authorized_keys. */
export const sshdDropIn = (options: { readonly keys: string; readonly passwordEnrolment: boolean }): string =>
  `# Written by byteback setup-server, which replaces it. The user byteback can run the forced command of its key, and
# nothing else.
# A machine that opens connections and says nothing must not keep the others out, nor those that come at the full hour.
MaxStartups 60:30:120
PerSourceMaxStartups 20
Match User byteback
    AuthorizedKeysFile ${options.keys}
    AuthorizedKeysCommand none
    AuthorizedPrincipalsFile none
    TrustedUserCAKeys none
    AuthenticationMethods ${options.passwordEnrolment ? "publickey password" : "publickey"}
    PubkeyAuthentication yes
    PasswordAuthentication ${options.passwordEnrolment ? "yes" : "no"}
    KbdInteractiveAuthentication no
    HostbasedAuthentication no
    GSSAPIAuthentication no
    PermitEmptyPasswords no
    PermitTTY no
    PermitUserRC no
    PermitTunnel no
    DisableForwarding yes
    AllowAgentForwarding no
    X11Forwarding no
    ForceCommand none
    Banner none
    # in place of any AcceptEnv of the machine's: a client's environment reaches no program here
    AcceptEnv BYTEBACK_NOTHING
    ExposeAuthInfo yes
    # a client shares one connection between its requests: three at once
    MaxSessions 4
    ClientAliveInterval 30
    ClientAliveCountMax 4
Match all
`

/** What `sshd -T` must answer for the user byteback, by keyword in lower case. */
const required = (options: { readonly keys: string; readonly passwordEnrolment: boolean }): Record<string, string> => ({
  authorizedkeysfile: options.keys,
  authorizedkeyscommand: "none",
  trustedusercakeys: "none",
  pubkeyauthentication: "yes",
  passwordauthentication: options.passwordEnrolment ? "yes" : "no",
  kbdinteractiveauthentication: "no",
  permittty: "no",
  permituserrc: "no",
  disableforwarding: "yes",
  forcecommand: "none",
  acceptenv: "BYTEBACK_NOTHING",
  exposeauthinfo: "yes"
})

export type EffectiveSshd = ReadonlyMap<string, ReadonlyArray<string>>

/** Reads what `sshd -T` prints: a keyword and its value a line, keywords may come more than once. */
export const parseEffective = (text: string): EffectiveSshd => {
  const found = new Map<string, Array<string>>()
  for (const line of text.split("\n")) {
    const [, keyword, value] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? []
    if (keyword === undefined || value === undefined) continue
    const values = found.get(keyword.toLowerCase())
    if (values === undefined) found.set(keyword.toLowerCase(), [value])
    else values.push(value)
  }
  return found
}

/** Where the effective configuration for byteback is not what the drop-in says: another file spoke first. */
export const overruled = (
  effective: EffectiveSshd,
  options: { readonly keys: string; readonly passwordEnrolment: boolean }
): ReadonlyArray<string> =>
  Object.entries(required(options))
    .filter(([keyword, value]) => (effective.get(keyword) ?? []).join(" ") !== value)
    .map(([keyword]) => keyword)

/** Settings that are not byteback's to change, but that an administrator should know of. */
export const sshdWarnings = (effective: EffectiveSshd): ReadonlyArray<string> => {
  const warnings: Array<string> = []
  const userEnvironment = (effective.get("permituserenvironment") ?? []).join(" ")
  if (userEnvironment !== "" && userEnvironment !== "no") {
    warnings.push(
      "PermitUserEnvironment is on in sshd_config: byteback no longer needs it, and it weakens forced commands; set it to no"
    )
  }
  const allowed = effective.get("allowusers") ?? []
  if (allowed.length > 0 && !allowed.some((pattern) => /^byteback(@|$)/.test(pattern))) {
    warnings.push("AllowUsers in sshd_config does not name byteback: clients cannot log in until it does")
  }
  if ((effective.get("allowgroups") ?? []).length > 0) {
    warnings.push("AllowGroups in sshd_config may keep byteback out: see that one of its groups is named there")
  }
  return warnings
}

const includeOf = (directory: string): string => `Include ${directory}/*.conf`

/** Does sshd_config read the drop-ins of this directory, outside every Match block? */
export const readsDropIns = (config: string, directory: string): boolean => {
  for (const line of config.split("\n")) {
    const words = line.trim().split(/[\s=]+/)
    const keyword = words[0]?.toLowerCase()
    if (keyword === "match") return false
    if (keyword === "include" && words.slice(1).some((word) => word.replaceAll('"', "") === `${directory}/*.conf`)) {
      return true
    }
  }
  return false
}

/** The same sshd_config with the line that reads the drop-ins, at its top as Debian has it. */
export const withInclude = (config: string, directory: string): string =>
  `# Added by byteback setup-server: reads the drop-ins, byteback.conf among them.\n${includeOf(directory)}\n\n${config}`
