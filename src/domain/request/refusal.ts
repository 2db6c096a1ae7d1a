// What parsing a request comes to: a value, or a refusal that names what was refused.
import { escapeName } from "../escape.ts"

/** One line of printable ASCII, of at most 400 characters. */
export interface Refusal {
  readonly message: string
}

export type Parsed<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly refusal: Refusal }

export const accept = <A>(value: A): Parsed<A> => ({ ok: true, value })

/** Refuses with `reason`, which is ours, followed by `what`, which is the client's: escaped, and cut at 80 characters. */
export const refuse = (reason: string, what?: string): Parsed<never> => ({
  ok: false,
  refusal: { message: what === undefined ? reason : `${reason}: "${escapeName(what, 80)}"` }
})

/** The values of all, or the first refusal. */
export const all = <A, B>(items: ReadonlyArray<A>, parse: (item: A) => Parsed<B>): Parsed<ReadonlyArray<B>> => {
  const values: Array<B> = []
  for (const item of items) {
    const parsed = parse(item)
    if (!parsed.ok) return parsed
    values.push(parsed.value)
  }
  return accept(values)
}
