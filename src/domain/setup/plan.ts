// What it takes to make this machine a backup server: from what is there and what is wanted to a list of changes.
import { Result, Schema } from "effect"
import { holderOf, type KeyFile, type PublicKey } from "../authorizedKey.ts"
import type { ExitName } from "../exitCode.ts"
import type { Change } from "./Change.ts"
import { entryAt, forbiddenOption, formatEntry, missingOptions, storeOptions, withEntry } from "./fstab.ts"
import { formatServerAddress, parseServerAddress } from "./serverAddress.ts"
import { readsDropIns, sshdDropIn } from "./sshdDropIn.ts"
import { isSudoNewEnough, oldestSudo, sudoersDropIn } from "./sudoersDropIn.ts"

/** The server cannot be set up like this. Nothing was changed. */
export class SetupRefused extends Schema.TaggedError<SetupRefused>()("SetupRefused", {
  reason: Schema.Literals([
    "not-root",
    "programs-missing",
    "sudo-too-old",
    "wrong-user",
    "no-store",
    "not-btrfs",
    "store-in-use",
    "unsafe-mount",
    "no-device",
    "device-in-use",
    "device-not-empty",
    "image-not-ours",
    "image-too-small",
    "image-too-large",
    "bad-option",
    "key-in-use"
  ]),
  detail: Schema.String
}) {
  get exit(): ExitName {
    return this.reason === "bad-option" ? "usage" : "failed"
  }
  override get message() {
    return `${this.detail}; nothing was changed`
  }
}

/** Where the store comes from. `size` in bytes. */
export type StoreSource =
  | { readonly _tag: "device"; readonly device: string; readonly force: boolean }
  | { readonly _tag: "image"; readonly file: string; readonly size: number }
  | { readonly _tag: "mounted" }

export interface SetupWishes {
  readonly store: StoreSource
  /** may a session that logged in with byteback's password enrol a host? */
  readonly passwordEnrolment: boolean
  readonly administratorKey: PublicKey | null
  /** by what clients reach this server; `null` leaves what is there */
  readonly address: string | null
}

/** A filesystem as it is mounted. `uuid` is null where it is not btrfs. */
export interface MountedStore {
  readonly source: string
  readonly type: string
  readonly options: ReadonlyArray<string>
  /** the subvolume that is mounted, `/` for the top one */
  readonly subvolume: string
  readonly uuid: string | null
}

/** A block device or an image file. No signatures: it is empty. */
export interface DeviceState {
  readonly kind: "block" | "file" | "other"
  readonly bytes: number
  readonly signatures: ReadonlyArray<{
    readonly type: string
    readonly label: string | null
    readonly uuid: string | null
  }>
  readonly mountedAt: ReadonlyArray<string>
}

/** Where things lie; absolute paths. */
export interface SetupPaths {
  readonly config: string
  readonly store: string
  readonly state: string
  readonly run: string
  readonly lib: string
  readonly etc: string
  /** the login shell of the user byteback */
  readonly shell: string
}

/** What has to be there before anything else can be looked at. `missing`: programs that were not found. */
export interface Prerequisites {
  readonly root: boolean
  readonly missing: ReadonlyArray<string>
  /** empty where there is no sudo */
  readonly sudoVersion: string
}

/** The programs that a server needs, and the Debian package that brings each. */
export const neededPrograms: Readonly<Record<string, string>> = {
  sshd: "openssh-server",
  "ssh-keygen": "openssh-client",
  sudo: "sudo",
  visudo: "sudo",
  rsync: "rsync",
  btrfs: "btrfs-progs",
  "mkfs.btrfs": "btrfs-progs",
  bwrap: "bubblewrap",
  getfattr: "attr",
  perl: "perl-base",
  useradd: "passwd",
  usermod: "passwd",
  mount: "mount",
  losetup: "mount",
  findmnt: "util-linux",
  wipefs: "util-linux",
  flock: "util-linux"
}

/** Why this machine cannot be set up at all, `null` if it can. */
export const unready = ({ root, missing, sudoVersion }: Prerequisites): SetupRefused | null => {
  if (!root) {
    return new SetupRefused({ reason: "not-root", detail: "setting a server up needs root; run it with sudo" })
  }
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => neededPrograms[program] ?? program))]
    return new SetupRefused({
      reason: "programs-missing",
      detail: `${missing.join(", ")} missing; run apt-get install ${packages.join(" ")}`
    })
  }
  if (isSudoNewEnough(sudoVersion)) return null
  return new SetupRefused({
    reason: "sudo-too-old",
    detail: `sudo ${sudoVersion} is too old; ${oldestSudo} or newer is needed`
  })
}

export interface ObservedServer {
  readonly user: { readonly uid: number; readonly shell: string; readonly locked: boolean } | null
  readonly directories: Readonly<Record<string, { readonly uid: number; readonly mode: number } | null>>
  readonly mounted: MountedStore | null
  /** is there anything in the directory of the store, where nothing is mounted? */
  readonly storeHasFiles: boolean
  /** the device or image of the wishes, `null` where nothing is there */
  readonly device: DeviceState | null
  /** how many bytes the image of the wishes can come to hold where it is to lie, `null` where none is wished for */
  readonly room: number | null
  readonly fstab: string
  readonly sshdConfig: string
  readonly sshdDropIn: string | null
  readonly sudoers: string | null
  readonly address: string | null
  /** systemd's timer for pruning; `none` where there is none to enable */
  readonly timer: "enabled" | "disabled" | "none"
  /** `null`: there is no authorized_keys */
  readonly keys: KeyFile | null
}

export interface SetupPlan {
  readonly changes: ReadonlyArray<Change>
  readonly warnings: ReadonlyArray<string>
}

/** The name of the login user, and the label of the filesystems that set-up makes. */
export const backupUser = "byteback"
export const storeLabel = "byteback"
/** Smaller than this btrfs is of no use. Bytes. */
const smallestStore = 256 * 1024 * 1024

const refuse = (reason: SetupRefused["reason"], detail: string) => Result.fail(new SetupRefused({ reason, detail }))

/** The drop-in files, and what should stand in them. */
export const dropIns = (paths: SetupPaths, passwordEnrolment: boolean) => ({
  sshd: {
    directory: `${paths.etc}/ssh/sshd_config.d`,
    path: `${paths.etc}/ssh/sshd_config.d/byteback.conf`,
    text: sshdDropIn({ keys: `${paths.config}/authorized_keys`, passwordEnrolment })
  },
  sudoers: { path: `${paths.etc}/sudoers.d/byteback`, text: sudoersDropIn(`${paths.lib}/byteback-priv`) }
})

/**
 * Plans the set-up. Once its changes were made, the plan for what is then there has none. `newUuid` becomes the UUID
 * of the filesystem if one has to be made.
 */
export const planSetup = (
  observed: ObservedServer,
  wishes: SetupWishes,
  paths: SetupPaths,
  newUuid: string
): Result.Result<SetupPlan, SetupRefused> => {
  const account = accountChanges(observed, paths)
  if (Result.isFailure(account)) return Result.fail(account.failure)
  const store = storeChanges(observed, wishes.store, paths, newUuid)
  if (Result.isFailure(store)) return Result.fail(store.failure)
  const access = accessChanges(observed, wishes, paths)
  if (Result.isFailure(access)) return Result.fail(access.failure)
  return Result.succeed({
    changes: [
      ...account.success,
      ...store.success.changes,
      ...access.success.changes,
      // Last: what it runs finds everything in its place.
      ...(observed.timer === "disabled" ? [{ _tag: "enable-timer" } as const] : [])
    ],
    warnings: [...store.success.warnings, ...access.success.warnings]
  })
}

const accountChanges = (
  { user }: ObservedServer,
  { shell }: SetupPaths
): Result.Result<ReadonlyArray<Change>, SetupRefused> => {
  if (user === null) return Result.succeed([{ _tag: "create-user", name: backupUser, shell }])
  if (user.uid === 0) return refuse("wrong-user", `the user ${backupUser} is root; give it a uid of its own`)
  return Result.succeed(
    user.shell === shell && !user.locked ? [] : [{ _tag: "mend-user", name: backupUser, shell } as const]
  )
}

const directoryChange = (observed: ObservedServer, path: string, mode: number): ReadonlyArray<Change> => {
  const found = observed.directories[path] ?? null
  if (found === null) return [{ _tag: "make-directory", path, mode }]
  return found.uid === 0 && found.mode === mode ? [] : [{ _tag: "own-directory", path, mode }]
}

const storeChanges = (
  observed: ObservedServer,
  source: StoreSource,
  paths: SetupPaths,
  newUuid: string
): Result.Result<SetupPlan, SetupRefused> => {
  const { mounted } = observed
  if (mounted !== null) {
    return Result.map(mountedStoreChanges(observed, mounted, source, paths), ({ changes, warnings }) => ({
      changes: [...changes, ...directoryChange(observed, paths.store, 0o700)],
      warnings
    }))
  }
  // What is under a mount point needs no mode: the mounted root's own counts, which comes after.
  const place: ReadonlyArray<Change> =
    (observed.directories[paths.store] ?? null) === null
      ? [{ _tag: "make-directory", path: paths.store, mode: 0o700 }]
      : []
  const close: ReadonlyArray<Change> = [{ _tag: "own-directory", path: paths.store, mode: 0o700 }]
  const entry = entryAt(observed.fstab, paths.store)
  if (entry !== null && entry.type !== "btrfs") {
    return refuse("not-btrfs", `fstab has a ${entry.type} filesystem for ${paths.store}; the store must be btrfs`)
  }
  if (entry?.options.includes(forbiddenOption)) {
    return refuse("unsafe-mount", `fstab mounts ${paths.store} with ${forbiddenOption}; take that option out`)
  }
  if (observed.storeHasFiles) {
    return refuse("store-in-use", `there are files in ${paths.store}, which would be hidden; move them away first`)
  }
  if (source._tag === "mounted") {
    return entry === null
      ? refuse(
          "no-store",
          `no btrfs is mounted at ${paths.store}; mount one there, or say --device DEV, or --image FILE --size SIZE`
        )
      : Result.succeed({
          changes: [
            ...place,
            { _tag: "mount", source: entry.source, target: paths.store, options: entry.options },
            ...close
          ],
          warnings: optionWarnings(entry.options, paths)
        })
  }
  const [path, image] = source._tag === "device" ? [source.device, false] : [source.file, true]
  if (!path.startsWith("/") || /[\x00-\x1f\x7f]/.test(path)) {
    return refuse("bad-option", `${image ? "--image" : "--device"} needs an absolute path`)
  }
  const ours = observed.device?.signatures.find(({ type }) => type === "btrfs")?.uuid ?? null
  const known =
    entry !== null && (entry.source === path || (ours !== null && entry.source.toLowerCase() === `uuid=${ours}`))
  if (entry !== null && !known) {
    return refuse("store-in-use", `fstab has ${entry.source} for ${paths.store} already; mount that, or take it out`)
  }
  const wanted = {
    source: image ? path : `UUID=${ours ?? newUuid}`,
    target: paths.store,
    type: "btrfs",
    options: entry?.options ?? (image ? ["loop", ...storeOptions] : storeOptions)
  }
  const mount: ReadonlyArray<Change> = [
    ...place,
    { _tag: "mount", source: path, target: paths.store, options: wanted.options },
    ...close,
    ...fstabChange(observed, paths, wanted)
  ]
  // Known by fstab, or labelled as an image of ours whose set-up was interrupted: it is mounted, never made anew.
  const halfDone =
    image && observed.device?.signatures.some((found) => found.label === storeLabel && found.uuid !== null)
  if (known || halfDone) {
    if (observed.device === null)
      return refuse("no-device", `fstab names ${path} for ${paths.store}, but it is not there`)
    return Result.succeed({ changes: mount, warnings: optionWarnings(wanted.options, paths) })
  }
  const fresh = image
    ? imageChanges(observed, path, source._tag === "image" ? source.size : 0, newUuid)
    : deviceChanges(observed.device, path, source._tag === "device" && source.force, newUuid)
  return Result.map(fresh, (changes) => ({ changes: [...changes, ...mount], warnings: [] }))
}

const mountedStoreChanges = (
  observed: ObservedServer,
  mounted: MountedStore,
  source: StoreSource,
  paths: SetupPaths
): Result.Result<SetupPlan, SetupRefused> => {
  if (mounted.type !== "btrfs") {
    return refuse("not-btrfs", `${mounted.source} at ${paths.store} is ${mounted.type}; the store must be btrfs`)
  }
  if (mounted.options.includes(forbiddenOption)) {
    return refuse(
      "unsafe-mount",
      `${paths.store} is mounted with ${forbiddenOption}, by which a client could delete snapshots; mount it without`
    )
  }
  if (source._tag !== "mounted") {
    const same = observed.device?.signatures.some(({ uuid }) => uuid !== null && uuid === mounted.uuid) ?? false
    if (!same) {
      return refuse(
        "store-in-use",
        `${mounted.source} is mounted at ${paths.store} already; leave out --device and --image to use it`
      )
    }
  }
  const missing = missingOptions(mounted.options)
  const remount: ReadonlyArray<Change> =
    missing.length === 0 ? [] : [{ _tag: "remount", target: paths.store, options: missing }]
  const entry = entryAt(observed.fstab, paths.store)
  if (entry !== null) return Result.succeed({ changes: remount, warnings: optionWarnings(entry.options, paths) })
  const image = source._tag === "image"
  if (!image && mounted.uuid === null) {
    return Result.succeed({
      changes: remount,
      warnings: [`${paths.store} has no line in fstab and no UUID to write one with; see that it is mounted at boot`]
    })
  }
  const subvolume = mounted.subvolume === "/" ? [] : [`subvol=${mounted.subvolume}`]
  const wanted = {
    source: image ? source.file : `UUID=${mounted.uuid}`,
    target: paths.store,
    type: "btrfs",
    options: [...(image ? ["loop"] : []), ...subvolume, ...storeOptions]
  }
  // A loop device's filesystem cannot be found by its UUID at boot, when the loop device is not there yet.
  if (!image && mounted.source.startsWith("/dev/loop")) {
    return Result.succeed({
      changes: remount,
      warnings: [`${paths.store} is a loop device without a line in fstab; it will not be mounted at boot`]
    })
  }
  return Result.succeed({ changes: [...remount, ...fstabChange(observed, paths, wanted)], warnings: [] })
}

const fstabChange = (
  observed: ObservedServer,
  paths: SetupPaths,
  wanted: Parameters<typeof formatEntry>[0]
): ReadonlyArray<Change> =>
  entryAt(observed.fstab, paths.store) !== null
    ? []
    : [
        {
          _tag: "add-to-fstab",
          path: `${paths.etc}/fstab`,
          line: formatEntry(wanted),
          text: withEntry(observed.fstab, wanted)
        }
      ]

const optionWarnings = (options: ReadonlyArray<string>, paths: SetupPaths): ReadonlyArray<string> => {
  const missing = missingOptions(options)
  return missing.length === 0
    ? []
    : [`the line for ${paths.store} in fstab lacks ${missing.join(",")}; add that, so that it holds after a boot too`]
}

const contents = (device: DeviceState): string =>
  device.signatures.map(({ type, label }) => (label === null || label === "" ? type : `${type} "${label}"`)).join(", ")

const deviceChanges = (
  device: DeviceState | null,
  path: string,
  force: boolean,
  uuid: string
): Result.Result<ReadonlyArray<Change>, SetupRefused> => {
  if (device === null) return refuse("no-device", `there is no ${path}; lsblk shows the devices of this machine`)
  if (device.kind !== "block") return refuse("no-device", `${path} is not a block device; for a file say --image`)
  if (device.mountedAt.length > 0) {
    return refuse("device-in-use", `${path} is in use at ${device.mountedAt.join(" and ")}; choose another device`)
  }
  if (device.bytes < smallestStore) return refuse("image-too-small", `${path} is smaller than 256 MiB`)
  if (device.signatures.length > 0 && !force) {
    return refuse(
      "device-not-empty",
      `${path} is not empty (${contents(device)}); say --force to destroy what is there, or mount it and leave out --device`
    )
  }
  return Result.succeed([{ _tag: "make-btrfs", path, uuid, force: device.signatures.length > 0 }])
}

const imageChanges = (
  { device, room }: ObservedServer,
  path: string,
  bytes: number,
  uuid: string
): Result.Result<ReadonlyArray<Change>, SetupRefused> => {
  if (device !== null) {
    return refuse(
      "image-not-ours",
      `${path} is there already and is no store of byteback's${device.signatures.length > 0 ? ` (${contents(device)})` : ""}; choose another name, or move it away`
    )
  }
  if (!Number.isSafeInteger(bytes) || bytes < smallestStore) {
    return refuse("image-too-small", "--size must be 256 MiB or more")
  }
  // What btrfs believes to be free is what pruning defends: were the disk below full first, the store would break.
  if (room !== null && bytes > room) {
    return refuse(
      "image-too-large",
      `--size ${bytes} is more than the ${room} bytes that are free where ${path} would lie; write less, or choose a larger disk`
    )
  }
  return Result.succeed([
    { _tag: "create-image", path, bytes },
    { _tag: "make-btrfs", path, uuid, force: false }
  ])
}

const accessChanges = (
  observed: ObservedServer,
  wishes: SetupWishes,
  paths: SetupPaths
): Result.Result<SetupPlan, SetupRefused> => {
  const { sshd, sudoers } = dropIns(paths, wishes.passwordEnrolment)
  const changes: Array<Change> = [
    ...directoryChange(observed, paths.config, 0o755),
    ...directoryChange(observed, paths.state, 0o700),
    ...directoryChange(observed, paths.run, 0o700)
  ]
  const warnings: Array<string> = []

  if (wishes.address === null) {
    if (observed.address === null) {
      warnings.push("no --address was given: byteback invite must be told by which name clients reach this server")
    }
  } else {
    const parsed = parseServerAddress(wishes.address)
    if (Result.isFailure(parsed)) return refuse("bad-option", parsed.failure.message)
    const text = `${formatServerAddress(parsed.success)}\n`
    if (text !== observed.address)
      changes.push({ _tag: "write-file", path: `${paths.config}/address`, text, mode: 0o644 })
  }

  if (observed.keys === null) {
    changes.push({ _tag: "write-file", path: `${paths.config}/authorized_keys`, text: "", mode: 0o644 })
  }
  const key = wishes.administratorKey
  if (key !== null) {
    const holder = observed.keys === null ? null : holderOf(observed.keys, key)
    if (holder === "somebody else" || (holder !== null && holder._tag !== "administrator")) {
      return refuse(
        "key-in-use",
        "the administrator's key stands in authorized_keys for something else; make one for enrolling only (ssh-keygen -t ed25519)"
      )
    }
    if (holder === null) changes.push({ _tag: "add-administrator-key", ...key })
  }

  if (observed.sudoers !== sudoers.text)
    changes.push({ _tag: "install-sudoers", path: sudoers.path, text: sudoers.text })
  const included = readsDropIns(observed.sshdConfig, sshd.directory)
  if (!included || observed.sshdDropIn !== sshd.text) {
    const includeIn = included ? null : `${paths.etc}/ssh/sshd_config`
    changes.push({ _tag: "install-sshd", path: sshd.path, text: sshd.text, includeIn }, { _tag: "reload-sshd" })
  }
  if (wishes.passwordEnrolment) {
    warnings.push(
      "password enrolment is on: set a password with passwd byteback, and turn it off when all hosts are enrolled"
    )
  }
  return Result.succeed({ changes, warnings })
}
