// What every Programs promises of what is installed and what is not.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, type Layer } from "effect"
import { Programs } from "../../src/services/Programs.ts"

/** Programs that the machine has, and names by which it has none, whatever else is called so. */
export class ProgramsSite extends Context.Service<
  ProgramsSite,
  {
    readonly there: ReadonlyArray<string>
    readonly missing: ReadonlyArray<string>
  }
>()("test/ProgramsSite") {}

export const suite = <E>(name: string, site: Layer.Layer<Programs | ProgramsSite, E>) =>
  layer(site, { excludeTestServices: true })(`Programs (${name})`, (it) => {
    it.effect("says where a program is, the same each time", () =>
      Effect.gen(function* () {
        const { there } = yield* ProgramsSite
        const { find } = yield* Programs
        for (const program of there) {
          const path = yield* find(program)
          assert.match(path ?? "", new RegExp(`^/(?:[^/]+/)*${program}$`))
          assert.strictEqual(yield* find(program), path)
        }
      })
    )

    it.effect("finds nothing where there is no program of the name", () =>
      Effect.gen(function* () {
        const { missing } = yield* ProgramsSite
        const { find } = yield* Programs
        for (const program of missing) assert.isNull(yield* find(program), program)
      })
    )
  })
