// The users of the machine: looks them up, and makes the one that clients log in as.
import { Context, Effect, Layer, Schema } from "effect"
import type { ExitName } from "../domain/exitCode.ts"
import { Exec, type ExecError } from "./Exec.ts"

/** The machine would not make or change a user. What was there is as it was. */
export class AccountsError extends Schema.TaggedError<AccountsError>()("AccountsError", {
  reason: Schema.Literals(["exists", "not-found", "not-permitted", "failed"]),
  program: Schema.String,
  argumentCount: Schema.Int,
  exitCode: Schema.Int,
  stderr: Schema.String
}) {
  get exit(): ExitName {
    return "failed"
  }
  override get message() {
    return `${this.program} ended with ${this.exitCode}: ${this.stderr.trim().split("\n").at(-1) ?? ""}; no user was changed`
  }
}

export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
  /** its password field begins with `!`: some sshd then refuse keys too */
  readonly locked: boolean
}

export class Accounts extends Context.Service<
  Accounts,
  {
    /** The uid that this program acts as; 0 is root. */
    readonly acting: Effect.Effect<number>
    /** The user of this name, `null` where there is none. Whether it is locked is seen by root only. */
    readonly find: (name: string) => Effect.Effect<Account | null, AccountsError | ExecError>
    /** Makes a system user with no home, no password and a group of its own. */
    readonly create: (name: string, shell: string) => Effect.Effect<void, AccountsError | ExecError>
    /** Gives a user this login shell, and turns a locked password into none that fits, so that keys work. */
    readonly mend: (name: string, shell: string) => Effect.Effect<void, AccountsError | ExecError>
  }
>()("byteback/services/Accounts") {
  static readonly layer = Layer.effect(
    Accounts,
    Effect.gen(function* () {
      const exec = yield* Exec

      const entry = Effect.fnUntraced(function* (database: string, name: string) {
        const found = yield* exec.run("getent", ["--", database, name])
        return found.code === 0 ? found.text.trim().split(":") : null
      })

      const change = Effect.fnUntraced(function* (program: string, args: ReadonlyArray<string>) {
        const { code, stderr } = yield* exec.run(program, args)
        if (code === 0) return
        const reason = code === 9 ? "exists" : code === 6 ? "not-found" : code === 1 ? "not-permitted" : "failed"
        return yield* new AccountsError({ reason, program, argumentCount: args.length, exitCode: code, stderr })
      })

      const find = Effect.fn("Accounts.find")(function* (name: string) {
        const fields = yield* entry("passwd", name)
        if (fields === null) return null
        const shadow = yield* entry("shadow", name)
        const [, , uid, gid, , home = "", shell = ""] = fields
        return {
          name,
          uid: Number(uid),
          gid: Number(gid),
          home,
          shell,
          locked: shadow?.[1]?.startsWith("!") ?? false
        }
      })

      const create = Effect.fn("Accounts.create")((name: string, shell: string) =>
        // a password of `*` fits nothing, and unlike `!` it is not taken for a locked account
        change(
          "useradd",
          "--system --user-group --no-create-home --home-dir / --comment byteback --password *"
            .split(" ")
            .concat("--shell", shell, "--", name)
        )
      )

      const mend = Effect.fn("Accounts.mend")(function* (name: string, shell: string) {
        const found = yield* find(name)
        yield* change("usermod", ["--shell", shell, ...(found?.locked === true ? ["--password", "*"] : []), "--", name])
      })

      return Accounts.of({ acting: Effect.sync(() => process.geteuid?.() ?? -1), find, create, mend })
    })
  )

  /** A stand-in: users in memory, none at first. */
  static readonly layerFake = Layer.sync(Accounts, () => {
    const users = new Map<string, Account>()
    const fail = (reason: AccountsError["reason"], program: string, exitCode: number) =>
      Effect.fail(new AccountsError({ reason, program, argumentCount: 0, exitCode, stderr: reason }))
    return Accounts.of({
      acting: Effect.succeed(0),
      find: (name) => Effect.sync(() => users.get(name) ?? null),
      create: (name, shell) =>
        Effect.suspend(() => {
          if (users.has(name)) return fail("exists", "useradd", 9)
          const uid = 999 - users.size
          users.set(name, { name, uid, gid: uid, home: "/", shell, locked: false })
          return Effect.void
        }),
      mend: (name, shell) =>
        Effect.suspend(() => {
          const found = users.get(name)
          if (found === undefined) return fail("not-found", "usermod", 6)
          users.set(name, { ...found, shell, locked: false })
          return Effect.void
        })
    })
  })
}
