// What a client may be told, and whose word counts: command line, then environment, then files, then defaults.
import { Result, Schema } from "effect"
import { bytesOfText, textOfBytes } from "./byteString.ts"
import { type Destination, type InvalidDestination, parseDestination } from "./destination.ts"
import type { ExitName } from "./exitCode.ts"

/** A setting cannot be used. Nothing was changed. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  /** the file, variable or flag that holds it */
  where: Schema.String,
  /** what is wrong, and what to write instead */
  problem: Schema.String
}) {
  get exit(): ExitName {
    return "usage"
  }
  override get message() {
    return `${this.where}: ${this.problem}`
  }
}

/** The files of the configuration directory that hold a setting each. */
export const settingNames = ["destination", "excludes", "rsync_filter", "rsync_flags", "io_timeout"] as const
export type SettingName = (typeof settingNames)[number]

/** Where a value was found, and its bytes as a byte string. */
export interface RawSetting {
  readonly where: string
  readonly value: string
}

export type RawSettings = { readonly [K in SettingName | "key" | "known_hosts"]?: RawSetting }

/** What a run needs to know. */
export interface ClientSettings {
  /** null where none is set */
  readonly destination: Destination | null
  /** patterns, as byte strings */
  readonly excludes: ReadonlyArray<string>
  /** lines of a merge file, as byte strings */
  readonly rsyncFilter: ReadonlyArray<string>
  readonly rsyncFlags: ReadonlyArray<string>
  /** seconds */
  readonly ioTimeout: number
  readonly keyFile: string
  readonly knownHosts: string
}

export const defaultIoTimeout = 10_800

const lines = (value: string): ReadonlyArray<string> => value.split(/\r?\n/)

const content = (value: string): ReadonlyArray<string> =>
  lines(value).filter((line) => line.trim() !== "" && !/^[#;]/.test(line))

const flagForm = /^(-[A-Za-z0-9@]+|--[A-Za-z0-9][A-Za-z0-9-]*)(=.*)?$/

/** Options that change who is spoken to and how; with one of them the server would refuse, or not be asked at all. */
const notOurs =
  /^(-[A-Za-z]*[esM]|--(rsh|rsync-path|blocking-io|secluded-args|protect-args|remote-option|server|sender|daemon|fake-super|super|read-batch|write-batch|only-write-batch)(=|$))/

const readFlags = ({ where, value }: RawSetting): Result.Result<ReadonlyArray<string>, ConfigError> => {
  const flags: Array<string> = []
  for (const line of content(value)) {
    const flag = textOfBytes(line.trim())
    if (flag !== null && notOurs.test(flag)) {
      const problem = `${JSON.stringify(flag)} belongs to byteback itself; remove that line`
      return Result.fail(new ConfigError({ where, problem }))
    }
    if (flag === null || !flagForm.test(flag)) {
      const problem =
        "holds a line that is no rsync option; write one option a line, a value after =, as in --bwlimit=1000"
      return Result.fail(new ConfigError({ where, problem }))
    }
    flags.push(flag)
  }
  return Result.succeed(flags)
}

const readTimeout = ({ where, value }: RawSetting): Result.Result<number, ConfigError> =>
  /^[1-9][0-9]{0,8}$/.test(value.trim())
    ? Result.succeed(Number(value.trim()))
    : Result.fail(new ConfigError({ where, problem: "write a whole number of seconds, as in 10800" }))

const path = (setting: RawSetting | undefined, otherwise: string): Result.Result<string, ConfigError> => {
  if (setting === undefined) return Result.succeed(otherwise)
  const text = textOfBytes(setting.value)
  return text !== null && text.startsWith("/") && !/[\u0000-\u001f"\\$]/.test(text)
    ? Result.succeed(text)
    : Result.fail(new ConfigError({ where: setting.where, problem: "write a file's absolute path" }))
}

/**
 * One set of settings out of what the command line, the environment and the files say. Excludes add up; of everything
 * else the first that is set counts, and only that one is looked at.
 */
export const mergeSettings = (
  said: { readonly commandLine: RawSettings; readonly environment: RawSettings; readonly files: RawSettings },
  configDirectory: string
): Result.Result<ClientSettings, ConfigError | InvalidDestination> =>
  Result.gen(function* () {
    const order = [said.commandLine, said.environment, said.files]
    const first = (name: keyof RawSettings) => order.map((from) => from[name]).find((raw) => raw !== undefined)
    const destination = first("destination")
    const flags = first("rsync_flags")
    const timeout = first("io_timeout")
    const filter = first("rsync_filter")
    return {
      destination:
        destination === undefined ? null : yield* parseDestination(textOfBytes(destination.value) ?? destination.value),
      excludes: order.flatMap((from) => (from.excludes === undefined ? [] : content(from.excludes.value))),
      rsyncFilter: filter === undefined ? [] : lines(filter.value),
      rsyncFlags: flags === undefined ? [] : yield* readFlags(flags),
      ioTimeout: timeout === undefined ? defaultIoTimeout : yield* readTimeout(timeout),
      keyFile: yield* path(first("key"), `${configDirectory}/key`),
      knownHosts: yield* path(first("known_hosts"), `${configDirectory}/known_hosts`)
    }
  })

/** The settings among the variables of an environment: BYTEBACK_DESTINATION and so on, lists a line each. */
export const settingsOfEnvironment = (environment: { readonly [name: string]: string | undefined }): RawSettings => {
  const found: Record<string, RawSetting> = {}
  for (const name of [...settingNames, "key", "known_hosts"]) {
    const where = `BYTEBACK_${name.toUpperCase()}`
    const value = environment[where]
    if (value !== undefined && value !== "") found[name] = { where, value: bytesOfText(value) }
  }
  return found
}

/** Settings given as flags, by the flag's name for messages. */
export const settingsOfFlags = (flags: { readonly [K in keyof RawSettings]?: string | undefined }): RawSettings => {
  const found: Record<string, RawSetting> = {}
  for (const [name, value] of Object.entries(flags)) {
    if (value !== undefined) found[name] = { where: `--${name.replaceAll("_", "-")}`, value: bytesOfText(value) }
  }
  return found
}
