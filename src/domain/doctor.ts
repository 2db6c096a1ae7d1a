// What is wrong with a server, and what to do about it: findings from what was seen, nothing looked up here.
import { hasKnownHoles, oldestRsync } from "./rsyncHoles.ts"
import { parseSandboxChoice } from "./sandbox.ts"
import type { EffectiveSshd } from "./setup/sshdDropIn.ts"

/** `danger`: a client could do what it must not, or nobody is served; `advice`: it works, but not as it should. */
export interface Finding {
  readonly severity: "danger" | "advice"
  /** a short name for scripts, the same for ever */
  readonly check: string
  readonly problem: string
  /** what an administrator can do */
  readonly remedy: string
}

/** Owner and mode of a directory or file; null where there is none. */
interface Seen {
  readonly uid: number
  readonly mode: number
}

export interface ObservedHealth {
  /** what is mounted at the store's place; null: nothing is */
  readonly store: { readonly path: string; readonly type: string; readonly options: ReadonlyArray<string> } | null
  /** the file that the store is kept in, where it is one: its size, and how much it can come to hold on its disk, in bytes */
  readonly image: { readonly path: string; readonly bytes: number; readonly room: number } | null
  /** lines of authorized_keys that byteback did not write */
  readonly foreignKeyLines: ReadonlyArray<string>
  /** every directory on the way to what root trusts, and these files themselves, by path */
  readonly paths: Readonly<Record<string, Seen | null>>
  /** `3.5.0`; null where there is no rsync */
  readonly rsyncVersion: string | null
  /** text of the settings, null where there is no such file */
  readonly settings: { readonly sandbox: string | null; readonly allowOldRsync: string | null }
  readonly bubblewrap: boolean
  readonly seccompFilter: boolean
  /** what `sshd -T` says for the backup user */
  readonly sshd: EffectiveSshd
  /** keywords of the drop-in that something else overrules */
  readonly overruled: ReadonlyArray<string>
  /** why the clock is not believed, so that nothing is pruned; null: it is */
  readonly clock: string | null
  /** is byteback's line for sudo there, as this version writes it? */
  readonly sudoers: boolean
}

/** Everything that is wrong, dangers first. None: the server is as it should be. */
export const diagnose = (seen: ObservedHealth): ReadonlyArray<Finding> => {
  const findings = [
    ...storeFindings(seen),
    ...clockFindings(seen),
    ...accessFindings(seen),
    ...pathFindings(seen),
    ...sandboxFindings(seen)
  ]
  return findings.toSorted((a, b) => Number(a.severity === "advice") - Number(b.severity === "advice"))
}

const danger = (check: string, problem: string, remedy: string): Finding => ({
  severity: "danger",
  check,
  problem,
  remedy
})

const clockFindings = ({ clock }: ObservedHealth): ReadonlyArray<Finding> =>
  clock === null ? [] : [danger("clock", clock, "set the clock, or say that it is right: byteback prune --trust-clock")]

const storeFindings = ({ image, store }: ObservedHealth): ReadonlyArray<Finding> => {
  if (store === null)
    return [danger("store-mounted", "no store is mounted", "mount it (mount -a), or run byteback setup-server")]
  const { options, path, type } = store
  if (type !== "btrfs")
    return [danger("store-btrfs", `${path} is ${type}`, `mount a btrfs at ${path}; byteback setup-server makes one`)]
  const findings: Array<Finding> = []
  if (options.includes("user_subvol_rm_allowed"))
    findings.push(
      danger(
        "user-subvol-rm-allowed",
        `${path} is mounted with user_subvol_rm_allowed: a client could delete its history`,
        `take it out of /etc/fstab, then umount ${path} && mount ${path}`
      )
    )
  if (image !== null && image.bytes > image.room)
    findings.push(
      danger(
        "image-outgrows-disk",
        `${image.path} may grow to ${image.bytes} bytes and its disk has room for ${image.room}: when that is full, the store breaks`,
        `make room beside it; byteback prunes by what is free inside`
      )
    )
  const missing = ["nosuid", "nodev", "noexec"].filter((option) => !options.includes(option))
  if (missing.length > 0)
    findings.push(
      danger(
        "store-options",
        `${path} is mounted without ${missing.join(", ")}`,
        `mount -o remount,${missing.join(",")} ${path}, and add that to /etc/fstab`
      )
    )
  return findings
}

const accessFindings = (seen: ObservedHealth): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  // `restrict` or `command=` may stand in quotes of another option, so that only a line of our own counts.
  const bare = seen.foreignKeyLines.filter((line) => !line.trimStart().startsWith("#"))
  if (bare.length > 0)
    findings.push(
      danger(
        "key-line",
        `${bare.length} lines of /etc/byteback/authorized_keys lack the options that byteback writes`,
        "take them out, and let those machines in with byteback add-client or byteback invite"
      )
    )
  const environment = (seen.sshd.get("permituserenvironment") ?? []).join(" ")
  if (environment !== "" && environment !== "no")
    findings.push(
      danger(
        "permit-user-environment",
        "PermitUserEnvironment is on in sshd_config, which weakens forced commands; byteback does not need it",
        "set it to no in /etc/ssh/sshd_config and reload sshd"
      )
    )
  if (seen.overruled.length > 0)
    findings.push(
      danger(
        "sshd-overruled",
        `sshd does not hold to byteback's drop-in for: ${seen.overruled.join(", ")}`,
        "run byteback setup-server; if it names another Match block, change that one"
      )
    )
  if (!seen.sudoers)
    findings.push(
      danger("sudoers", "byteback's line for sudo is not there, or is not this version's", "run byteback setup-server")
    )
  return findings
}

const pathFindings = ({ paths }: ObservedHealth): ReadonlyArray<Finding> =>
  Object.entries(paths).flatMap(([path, found]) => {
    if (found === null) return []
    // a sticky directory lets nobody replace what is another's
    const open = (found.mode & 0o022) !== 0 && (found.mode & 0o1000) === 0
    if (found.uid === 0 && !open) return []
    const why = found.uid === 0 ? `may be written by others than root` : `belongs to uid ${found.uid}`
    return [danger("writable-path", `${path} ${why}`, `chown root ${path} && chmod go-w ${path}`)]
  })

/** What is wrong with the text of /etc/byteback/sandbox (null: no such file). */
export const sandboxSetting = (text: string | null): Finding | null => {
  switch (parseSandboxChoice(text)) {
    case null:
      return danger(
        "sandbox-setting",
        "/etc/byteback/sandbox says neither bubblewrap nor none, so nobody is served",
        "remove the file"
      )
    case "none":
      return danger(
        "sandbox-off",
        "the sandbox is off (/etc/byteback/sandbox says none): a hole in rsync shows a client the whole server",
        "remove /etc/byteback/sandbox"
      )
    case "bubblewrap":
      return null
  }
}

const sandboxFindings = (seen: ObservedHealth): ReadonlyArray<Finding> => {
  const setting = sandboxSetting(seen.settings.sandbox)
  const findings: Array<Finding> = setting === null ? [] : [setting]
  const choice = parseSandboxChoice(seen.settings.sandbox)
  if (choice === "bubblewrap" && !seen.bubblewrap)
    findings.push(
      danger("sandbox-missing", "bubblewrap is not installed, so nobody is served", "apt-get install bubblewrap")
    )
  if (choice === "bubblewrap" && !seen.seccompFilter)
    findings.push(
      danger("seccomp-missing", "the sandbox's filter is missing, so nobody is served", "install byteback again")
    )
  const rsync = rsyncFinding(seen.rsyncVersion, seen.settings.allowOldRsync)
  return rsync === null ? findings : [...findings, rsync]
}

/** What is wrong with the server's rsync (null: there is none); `allowed` is the text of /etc/byteback/allow_old_rsync. */
export const rsyncFinding = (version: string | null, allowed: string | null): Finding | null => {
  if (version === null) return danger("rsync-missing", "rsync is not installed", "apt-get install rsync")
  if (!hasKnownHoles(version)) return null
  const problem = `rsync ${version} is older than ${oldestRsync} and may have known holes`
  return allowed === version
    ? {
        severity: "advice",
        check: "rsync-holes",
        problem,
        remedy: `upgrade when there is a newer one; until then see that the distribution patches ${version}`
      }
    : danger(
        "rsync-holes",
        `${problem}, so nobody is served`,
        `install ${oldestRsync} or newer; where the distribution has patched it (its changelog names CVE-2024-12084 and later), write ${version} into /etc/byteback/allow_old_rsync`
      )
}
