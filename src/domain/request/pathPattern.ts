// Patterns in the paths of old clients' listings: `*`, `?`, `[a-z]` and `{a,b}`, matched in bounded time.

/** Alternatives that braces may come to; more are refused, since each pair of braces multiplies them. */
export const maxAlternatives = 64

/** The paths that `{a,b}` stands for, innermost braces last; null where there are more than `maxAlternatives`. */
export const expandBraces = (pattern: string): ReadonlyArray<string> | null => {
  let open = [pattern]
  for (;;) {
    const next: Array<string> = []
    let changed = false
    for (const one of open) {
      const found = /\{([^{},]*(?:,[^{},]*)+)\}/.exec(one)
      if (found === null) {
        next.push(one)
        continue
      }
      changed = true
      const [whole, inside = ""] = found
      for (const part of inside.split(","))
        next.push(one.slice(0, found.index) + part + one.slice(found.index + whole.length))
      if (next.length > maxAlternatives) return null
    }
    if (!changed) return [...new Set(open)]
    open = next
  }
}

/** Does a part of a path hold a pattern? */
export const isPattern = (part: string): boolean => /[*?[]/.test(part)

type Piece = (char: string) => boolean

const pieces = (part: string): ReadonlyArray<Piece | "*"> => {
  const found: Array<Piece | "*"> = []
  for (let at = 0; at < part.length; at += 1) {
    const char = part[at]!
    const set = char === "[" ? /^\[(!?)([^\]]+)\]/.exec(part.slice(at)) : null
    if (char === "*") found.push("*")
    else if (char === "?") found.push(() => true)
    else if (set !== null) {
      found.push(inSet(set[2]!, set[1] === "!"))
      at += set[0].length - 1
    } else found.push((other) => other === char)
  }
  return found
}

const inSet = (set: string, negated: boolean): Piece => {
  const ranges = [...set.matchAll(/(.)-(.)|(.)/gsu)].map(([, from, to, one]) => [from ?? one!, to ?? one!] as const)
  return (char) => ranges.some(([from, to]) => from <= char && char <= to) !== negated
}

/**
 * A matcher of names for one part of a path. Only the last star is ever tried again, so that the work is at most the
 * product of both lengths, whatever the pattern.
 */
export const namePattern = (part: string): ((name: string) => boolean) => {
  const pattern = pieces(part)
  return (name) => {
    let at = 0
    let star = -1
    let from = 0
    for (let index = 0; index < name.length;) {
      const piece = pattern[at]
      if (piece === "*") {
        star = at
        at += 1
        from = index
      } else if (piece?.(name[index]!) === true) {
        at += 1
        index += 1
      } else if (star >= 0) {
        at = star + 1
        from += 1
        index = from
      } else return false
    }
    while (pattern[at] === "*") at += 1
    return at === pattern.length
  }
}
