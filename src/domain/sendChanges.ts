// What a send stream's commands come to: which paths of the old snapshot became which of the new one, and what happened to each.
import type { SendCommand } from "./sendStream.ts"

/** One file or directory, however many names it has. */
interface Inode {
  readonly created: boolean
  readonly directory: boolean | null
  content: boolean
  metadata: boolean
  times: boolean
  /** names in the old snapshot that are gone */
  readonly gone: Array<string>
}

/** A name. `origin` is its path in the old snapshot, null where it is new. */
interface Node {
  readonly inode: Inode
  readonly origin: string | null
  /** what is known of the names in it: null stands for one that is gone. All others are as they were */
  readonly names: Map<string, Node | null>
}

/**
 * One path of the difference. `from` is where it was, for all but what is added; `times` alone means that something touched it, which
 * may have changed nothing that one can see.
 */
export interface SendChange {
  readonly change: "added" | "removed" | "renamed" | "content" | "metadata" | "times"
  readonly path: string
  readonly from: string | null
  /** null where the stream does not say */
  readonly directory: boolean | null
}

const join = (directory: string, name: string): string => (directory === "" ? name : `${directory}/${name}`)

const inode = (created: boolean, directory: boolean | null): Inode => ({
  created,
  directory,
  content: false,
  metadata: false,
  times: false,
  gone: []
})

const node = (origin: string | null, of: Inode): Node => ({ inode: of, origin, names: new Map() })

/** Follows the commands on a tree that knows only what they named: temporary names (`o260-7-0`) fold away in it. */
export class SendChanges {
  readonly #root = node("", inode(false, true))
  readonly #gone: Array<Node & { readonly origin: string }> = []
  #size = 0

  /** Names that it had to learn so far. */
  get size(): number {
    return this.#size
  }

  apply(command: SendCommand): void {
    switch (command._tag) {
      case "make":
        return this.#put(command.path, node(null, inode(true, command.directory)))
      case "rename":
        return this.#put(command.to, this.#take(command.path))
      case "link":
        return this.#put(command.path, node(null, this.#at(command.to).inode))
      case "remove": {
        const taken = this.#take(command.path)
        const { origin } = taken
        if (origin === null) return
        taken.inode.gone.push(origin)
        this.#gone.push({ ...taken, origin })
        return
      }
      case "content":
      case "metadata":
      case "times":
        this.#at(command.path).inode[command._tag] = true
    }
  }

  /** All that is different, in no order. */
  *changes(): Generator<SendChange> {
    const removed = new Map(this.#gone.map((one) => [one.origin, one]))
    const added: Array<SendChange & { readonly inode: Inode }> = []
    for (const [path, parent, one] of walk("", this.#root)) {
      const { origin } = one
      const { content, created, directory, metadata, times } = one.inode
      if (origin === null) added.push({ change: "added", path, from: null, directory, inode: one.inode })
      else {
        const name = path.slice(path.lastIndexOf("/") + 1)
        const moved = parent === null || parent.origin === null || join(parent.origin, name) !== origin
        if (moved && path !== origin) yield { change: "renamed", path, from: origin, directory }
        const seen = content ? "content" : metadata ? "metadata" : times ? "times" : null
        if (seen !== null && !created) yield { change: seen, path, from: origin, directory }
      }
    }
    for (const { inode: of, ...one } of added) {
      // a moved file gets its new name before it loses the old one
      const old = of.created ? undefined : of.gone.find((path) => removed.has(path))
      if (old !== undefined) {
        removed.delete(old)
        if (old !== one.path) yield { ...one, change: "renamed", from: old }
        const seen = of.content ? "content" : of.metadata ? "metadata" : null
        if (seen !== null) yield { ...one, change: seen, from: old }
      } else if (removed.delete(one.path)) yield { ...one, change: "content", from: one.path }
      else yield one
    }
    for (const { inode: of, origin } of removed.values())
      yield { change: "removed", path: origin, from: origin, directory: of.directory }
  }

  #split(path: string): readonly [Node, string] {
    const parts = path.split("/")
    const name = parts.pop() ?? ""
    return [parts.reduce((at, part) => this.#child(at, part), this.#root), name]
  }

  #child(parent: Node, name: string): Node {
    const known = parent.names.get(name)
    if (known !== undefined && known !== null) return known
    const origin = known === null || parent.origin === null ? null : join(parent.origin, name)
    const child = node(origin, inode(origin === null, null))
    parent.names.set(name, child)
    this.#size += 1
    return child
  }

  #at(path: string): Node {
    if (path === "") return this.#root
    const [parent, name] = this.#split(path)
    return this.#child(parent, name)
  }

  #take(path: string): Node {
    const [parent, name] = this.#split(path)
    const taken = this.#child(parent, name)
    parent.names.set(name, null)
    return taken
  }

  #put(path: string, one: Node): void {
    const [parent, name] = this.#split(path)
    parent.names.set(name, one)
    this.#size += 1
  }
}

function* walk(at: string, parent: Node): Generator<readonly [string, Node | null, Node]> {
  for (const [name, child] of parent.names) {
    if (child === null) continue
    const path = join(at, name)
    yield [path, parent, child]
    yield* walk(path, child)
  }
}
