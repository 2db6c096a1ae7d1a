// What a plan deletes, what it never deletes, and that it can be cut short anywhere and made again.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { eligibility, isSuspect } from "../../../src/domain/prune/eligibility.ts"
import type { Method } from "../../../src/domain/prune/method.ts"
import { canonical, MIN_AGE, plan, type PlanRequest } from "../../../src/domain/prune/plan.ts"
import { DAY, isFuture, newestFirst, type Stored } from "../../../src/domain/prune/snapshot.ts"
import { aged, named, NOW, stored } from "./arbitrary.ts"
import { naivePlan } from "./naive.ts"

const METHODS: ReadonlyArray<Method> = [
  { name: "age" },
  { name: "importance" },
  { name: "spread" },
  { name: "spread", regretBelow: 0, weigh: true }
]

const complete = (list: ReturnType<typeof aged>, bytes: number, more: Partial<Stored> = {}): Array<Stored> =>
  list.map((s) => ({ ...s, state: "complete", held: false, inUse: false, bytes, ...more }))

// Nothing is young, what the clock is a little behind included.
const base = { method: { name: "age" }, now: NOW, minAge: -DAY } as const

const victims = (request: PlanRequest) => plan(request).deletions.map((d) => d.snapshot)

/**
 * Two hosts of three have a share; in a flood the first of them came this week and wrote far more than its own, in doubt it is old and
 * most of what it wrote looks wrong.
 */
const requests = fc
  .record({
    method: fc.constantFrom(...METHODS),
    snapshots: stored({ maxLength: 30 }),
    free: fc.nat({ max: 200 }),
    reserve: fc.nat({ max: 800 }),
    least: fc.oneof(fc.constant(0), fc.nat({ max: 400 })),
    share: fc.nat({ max: 400 }),
    pending: fc.oneof(fc.constant(0), fc.nat({ max: 600 })),
    minAge: fc.constantFrom(0, MIN_AGE),
    trouble: fc.constantFrom("none", "flood", "doubt")
  })
  .map(({ trouble, minAge, pending, share, ...request }) => {
    const flood = trouble === "flood"
    const since = (s: Stored): Stored =>
      s.host !== "a" || trouble === "none"
        ? s
        : flood
          ? { ...s, t: NOW - ((NOW - s.t) % (3 * DAY)) }
          : { ...s, state: "suspect", doubted: 100 }
    const snapshots = request.snapshots.map(since)
    const used = (host: string) =>
      snapshots.filter((s) => s.host === host).reduce((sum, s) => sum + (s.bytes ?? 0), pending)
    return {
      ...request,
      snapshots,
      now: NOW,
      minAge: flood ? MIN_AGE : minAge,
      firsts: new Map(["a", "b", "c"].map((host) => [host, NOW - (flood && host === "a" ? 3 : 500) * DAY])),
      shares: new Map(
        ["a", "b"].map((host) => [host, { used: used(host) + (trouble !== "none" && host === "a" ? 1000 : 0), share }])
      )
    }
  })

/** The store and the request once the first `count` deletions of a plan are carried out. */
const after = (request: PlanRequest, count: number): PlanRequest => {
  const gone = plan(request).deletions.slice(0, count)
  const names = new Set(gone.map((d) => d.snapshot))
  const freed = (host?: string) =>
    gone.filter((d) => host === undefined || d.snapshot.host === host).reduce((sum, d) => sum + d.snapshot.bytes!, 0)
  return {
    ...request,
    free: request.free + freed(),
    snapshots: request.snapshots.filter((s) => !names.has(s)),
    shares: new Map([...request.shares!].map(([host, { share, used }]) => [host, { share, used: used - freed(host) }]))
  }
}

describe("a plan, by example", () => {
  it("frees 3, 3, 3 to reach 13 from 5 and is met", () => {
    const snapshots = complete(aged([0, 1, 2, 3]), 3)
    const made = plan({ ...base, snapshots, free: 5, reserve: 13 })
    assert.strictEqual(named(victims({ ...base, snapshots, free: 5, reserve: 13 })), "h3 h2 h1")
    assert.strictEqual(made.outcome, "met")
    assert.strictEqual(made.frees, 9)
    assert.strictEqual(made.shortfall, 0)
    assert.deepStrictEqual(
      made.kept.map((k) => k.why),
      ["kept: the newest complete snapshot of h"]
    )
  })

  it("frees 3, 3 of the same with the rest held, and is 1 short of 12", () => {
    const snapshots = [...complete(aged([0, 1, 2]), 3), ...complete(aged([3]), 3, { held: true, id: "held" })]
    const made = plan({ ...base, snapshots, free: 5, reserve: 12 })
    assert.strictEqual(made.deletions.length, 2)
    assert.strictEqual(made.outcome, "short")
    assert.strictEqual(made.shortfall, 1)
  })

  it("says why in words", () => {
    const snapshots = complete(aged([0, 10, 17, 18, 20, 40]), 3_100_000_000)
    const made = plan({ ...base, method: { name: "spread", regretBelow: 0 }, snapshots, free: 0, reserve: 4e9 })
    assert.deepStrictEqual(
      made.deletions.map((d) => d.why),
      ["goes next: frees 3.1 GB, leaves 17 d and 20 d", "goes after 1 other: frees 3.1 GB, leaves 10 d and 20 d"]
    )
    assert.deepStrictEqual(
      made.kept.map((k) => k.why),
      [
        "kept: the newest complete snapshot of h",
        "kept: the oldest, the next is 0 min old",
        "kept: without it nothing between 0 min and 40 d ago",
        "kept: without it nothing between 10 d and 40 d ago"
      ]
    )
  })

  it("takes what is incomplete first, unless it is newer than the last complete one", () => {
    const [newest, second, third, fourth] = aged([0, 1, 2, 30])
    const snapshots = [...complete([newest!, third!], 1, { state: "incomplete" }), ...complete([second!, fourth!], 1)]
    assert.strictEqual(named(victims({ ...base, snapshots, free: 0, reserve: 99 })), "h2 h30 h0")
    assert.match(plan({ ...base, snapshots, free: 0, reserve: 1 }).deletions[0]!.why, /incomplete/)
  })

  it("keeps the newest of a host that has nothing complete", () => {
    const snapshots = complete(aged([3, 4]), 1, { state: "incomplete" })
    assert.strictEqual(named(victims({ ...base, snapshots, free: 0, reserve: 99 })), "h4")
  })

  it("takes nothing from a host with a year of snapshots for a newcomer that floods the store", () => {
    const victim = complete(
      aged(
        Array.from({ length: 365 }, (_, i) => i),
        "victim"
      ),
      1
    )
    const hostile = complete(
      aged(
        Array.from({ length: 24 }, (_, i) => i / 4),
        "hostile"
      ),
      40
    )
    const shares = new Map([
      ["victim", { used: 365, share: 500 }],
      ["hostile", { used: 960, share: 500 }]
    ])
    for (const method of METHODS) {
      const made = plan({ method, now: NOW, snapshots: [...victim, ...hostile], free: 0, reserve: 460, shares })
      assert.ok(made.deletions.length > 0 && made.deletions.every((d) => d.snapshot.host === "hostile"))
      for (const { why } of made.deletions)
        assert.match(why, /young, but nothing older of hosts over their share may go/)
    }
  })

  it("takes nothing from a host within its share for what a newcomer holds over its own and cannot lose", () => {
    const shares = new Map([
      ["victim", { used: 30, share: 500 }],
      ["large", { used: 900, share: 500 }]
    ])
    const victim = complete(aged([0, 10, 20], "victim"), 10)
    const asked = (large: ReadonlyArray<Stored>, reserve: number) =>
      plan({ ...base, minAge: 7 * DAY, snapshots: [...victim, ...large], free: 0, reserve, shares })
    const newcomer = complete(aged([0, 5], "large"), 30)
    const made = asked(newcomer, 100)
    assert.strictEqual(named(made.deletions.map((d) => d.snapshot)), "large5")
    assert.strictEqual(made.outcome, "owed")
    assert.strictEqual(made.shortfall, 70)
    // What is missing beyond that, all pay for.
    assert.lengthOf(asked(newcomer, 415).deletions, 3)
    // A host that has been there for long is large by right, and a store that waits for ever serves nobody.
    assert.lengthOf(asked(complete(aged([0, 9], "large"), 30), 100).deletions, 3)
  })

  it("takes nothing from a host within its share for what another holds over its own and nobody may delete, as it looks wrong", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...METHODS),
        fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 8 }),
        fc.nat({ max: 400 }),
        fc.integer({ min: 1, max: 400 }),
        (method, doubts, share, missing) => {
          const victim = complete(aged([0, 10, 20, 40, 80], "victim"), 100)
          const [newest, ...flood] = aged([300, ...doubts.map((_, i) => i / 4)], "large")
          const suspects = flood.flatMap((one, i) =>
            complete([one], doubts[i]!, { state: "suspect", doubted: doubts[i]! })
          )
          const used = doubts.reduce((sum, bytes) => sum + bytes, 0)
          const shares = new Map([
            ["victim", { used: 500, share: 1000 }],
            ["large", { used, share }]
          ])
          const snapshots = [...victim, ...complete([newest!], 0), ...suspects]
          const made = plan({ ...base, method, snapshots, free: 0, reserve: missing, shares })
          const owed = Math.max(0, used - share)
          assert.strictEqual(made.deletions.length === 0, owed >= missing)
          for (const { free } of made.deletions) assert.isAbove(missing - (free - 100), owed)
          if (owed >= missing) assert.strictEqual(made.outcome, "owed")
        }
      ),
      { numRuns: 300 }
    )
  })

  it("lets hosts within their share pay for as much of what is in doubt as a run of theirs waits for, and for none of a newcomer's", () => {
    const shares = new Map([
      ["victim", { used: 500, share: 1000 }],
      ["large", { used: 900, share: 100 }]
    ])
    const victim = complete(aged([0, 10, 20, 40, 80], "victim"), 100)
    const asked = (since: number, least: number) => {
      const suspects = complete(aged([1, 2], "large"), 400, { state: "suspect", doubted: 400 })
      const snapshots = [...victim, ...complete(aged([since], "large"), 100), ...suspects]
      return plan({ ...base, minAge: 7 * DAY, snapshots, free: 0, reserve: 300, least, shares })
    }
    for (const [least, deletions] of [
      [0, 0],
      [1, 1],
      [100, 1],
      [101, 2],
      [300, 3]
    ] as const) {
      const made = asked(300, least)
      assert.lengthOf(made.deletions, deletions)
      assert.strictEqual(made.outcome, deletions === 3 ? "met" : "owed")
      assert.lengthOf(asked(5, least).deletions, 0)
    }
  })

  it("takes the young of a host only when nothing older of it can go", () => {
    const snapshots = complete(aged([0, 1, 2, 8, 9]), 1)
    for (const method of METHODS) {
      const made = plan({ method, now: NOW, snapshots, free: 0, reserve: 99 })
      const gone = made.deletions.map(({ snapshot }) => (NOW - snapshot.t) / DAY)
      assert.deepStrictEqual(
        made.deletions.map(({ why }) => why.endsWith("; young, but nothing older may go")),
        [false, false, true, true]
      )
      assert.deepStrictEqual(
        gone.slice(0, 2).toSorted((a, b) => a - b),
        [8, 9]
      )
      assert.deepStrictEqual(
        gone.slice(2).toSorted((a, b) => a - b),
        [1, 2]
      )
    }
  })

  it("ends where nobody knows what a deletion frees, to be measured and made again", () => {
    const unknown = aged([0, 1, 2]).map((s): Stored => ({ ...s, state: "complete", held: false, inUse: false }))
    const made = plan({ ...base, snapshots: unknown, free: 0, reserve: 9 })
    assert.strictEqual(made.outcome, "measure")
    assert.strictEqual(made.deletions.length, 1)
  })

  it("has a digest of what it deletes, not of when", () => {
    const snapshots = complete(aged([0, 1, 2, 3]), 3)
    const one = plan({ ...base, snapshots, free: 5, reserve: 11 })
    assert.strictEqual(one.digest, plan({ ...base, snapshots, free: 6, reserve: 12, now: NOW + 60 }).digest)
    assert.notStrictEqual(one.digest, plan({ ...base, snapshots, free: 5, reserve: 13 }).digest)
    assert.match(one.digest, /^[0-9a-f]{14}$/)
    assert.strictEqual(canonical(base.method.name, one.deletions), '["age"]\n["h","003"]\n["h","002"]')
  })
})

describe("a plan, by law", () => {
  const runs = { numRuns: 300 }

  it("is tried in all its ends", () => {
    const ends = fc.sample(requests, 500).map((request) => plan(request).outcome)
    for (const end of ["met", "short", "owed"] as const) {
      assert.isAbove(ends.filter((one) => one === end).length, 10, end)
    }
    // Also by hosts that are not new, for what is in doubt alone.
    const doubted = fc
      .sample(requests, 2000)
      .filter((request) => request.firsts.get("a")! < NOW - MIN_AGE && plan(request).outcome === "owed")
    assert.isAbove(doubted.length, 10)
  })

  it("equals the definition", () => {
    fc.assert(
      fc.property(requests, (request) => assert.deepStrictEqual(victims(request), naivePlan(request))),
      { numRuns: 1000 }
    )
  })

  it("never deletes what is held, suspect, in use, futile, or the newest complete of its host, and misses exactly what it says", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const made = plan(request)
        const left = request.snapshots.filter((s) => !made.deletions.some((d) => d.snapshot === s))
        for (const { snapshot } of made.deletions) {
          assert.isFalse(snapshot.held || snapshot.inUse || snapshot.futile || isSuspect(snapshot, NOW))
        }
        for (const host of ["a", "b", "c"]) {
          const newest = request.snapshots
            .filter((s) => s.host === host && s.state === "complete" && !isFuture(s, NOW))
            .toSorted(newestFirst)[0]
          if (newest !== undefined) assert.include(left, newest)
        }
        const free = request.free + made.deletions.reduce((sum, d) => sum + d.snapshot.bytes!, 0)
        assert.include(free >= request.reserve ? ["met"] : ["short", "owed"], made.outcome)
        assert.strictEqual(made.shortfall, Math.max(0, request.reserve - free))
        if (made.outcome === "short") {
          for (const host of ["a", "b", "c"]) {
            const list = request.snapshots.filter((s) => s.host === host).toSorted(newestFirst)
            eligibility(list, NOW).forEach(({ why }, i) => {
              if (why === undefined) assert.notInclude(left, list[i])
            })
          }
        }
      }),
      runs
    )
  })

  it("gives every snapshot one decision with its reason in words", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const made = plan(request)
        assert.sameMembers(
          [...made.deletions.map((d) => d.snapshot), ...made.kept.map((k) => k.snapshot)],
          [...request.snapshots]
        )
        for (const { why } of made.deletions) assert.match(why, /^goes (next|after \d+ others?): /)
        for (const { why } of made.kept) assert.match(why, /^kept: ./)
      }),
      runs
    )
  })

  it("is minimal when met: without its last deletion it would not be", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { deletions, outcome } = plan(request)
        if (outcome === "met" && deletions.length > 0) {
          assert.isBelow(deletions.at(-2)?.free ?? request.free, Math.max(request.reserve, request.least))
        }
      }),
      runs
    )
  })

  it("for a larger reserve or less free space begins with the same deletions", () => {
    fc.assert(
      fc.property(requests, fc.nat({ max: 100 }), fc.nat({ max: 100 }), (request, more, less) => {
        const small = victims(request)
        const large = victims({ ...request, free: request.free - less, reserve: request.reserve + more })
        assert.deepStrictEqual(large.slice(0, small.length), small)
      }),
      runs
    )
  })

  it("made again after all of it is empty, after any part of it is the rest", () => {
    fc.assert(
      fc.property(requests, fc.nat(), (request, some) => {
        const all = victims(request)
        const done = some % (all.length + 1)
        assert.deepStrictEqual(victims(after(request, done)), all.slice(done))
        assert.deepStrictEqual(victims(after(request, all.length)), [])
      }),
      runs
    )
  })

  it("ends though no deletion frees anything", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const made = plan({
          ...request,
          free: 0,
          reserve: 1,
          shares: new Map(),
          snapshots: request.snapshots.map((s) => ({ ...s, bytes: 0 }))
        })
        assert.strictEqual(made.outcome, "short")
        assert.strictEqual(made.shortfall, 1)
        assert.isAtMost(made.deletions.length, request.snapshots.length)
      }),
      runs
    )
  })

  it("goes on past what nobody can measure, one at a time", () => {
    fc.assert(
      fc.property(stored({ maxLength: 20, unknown: true }), (snapshots) => {
        const { deletions, outcome } = plan({ ...base, snapshots, free: 0, reserve: 1e9 })
        if (outcome === "measure") assert.isUndefined(deletions.at(-1)!.snapshot.bytes)
        for (const d of deletions.slice(0, -1)) assert.isDefined(d.snapshot.bytes)
      })
    )
  })

  it("of all that may go is the order in which they go, measured or not", () => {
    fc.assert(
      fc.property(requests, stored({ maxLength: 30, unknown: true }), (shape, snapshots) => {
        const request = { ...shape, snapshots, free: 0 }
        const gone: Array<Stored> = []
        // Carried out, measured and made again until nothing may go; what nobody knew turns out to free nothing.
        let rest: PlanRequest = { ...request, reserve: 1e9 }
        for (let next = plan(rest); next.deletions.length > 0; next = plan(rest)) {
          const its = next.deletions.map((d) => d.snapshot)
          const freed = (host: string) => its.filter((s) => s.host === host).reduce((sum, s) => sum + (s.bytes ?? 0), 0)
          const shares = [...rest.shares!].map(
            ([host, { share, used }]) => [host, { share, used: used - freed(host) }] as const
          )
          gone.push(...its)
          rest = { ...rest, snapshots: rest.snapshots.filter((s) => !its.includes(s)), shares: new Map(shares) }
        }
        const all = plan({ ...request, reserve: Infinity })
        assert.deepStrictEqual(
          all.deletions.map((d) => d.snapshot),
          gone
        )
        assert.strictEqual(all.outcome, "short")
      }),
      runs
    )
  })

  it("by importance without shares deletes from the end of the order, passing over what may not go", () => {
    fc.assert(
      fc.property(stored(), (input) => {
        const snapshots = input.filter((s) => s.state === "complete")
        const method: Method = { name: "importance" }
        const all = { ...base, method, snapshots, free: 0, reserve: 1e9 }
        const { deletions, kept } = plan({ ...all, reserve: 0 })
        assert.isEmpty(deletions)
        const order = kept.filter((k) => k.reason !== undefined).map((k) => k.snapshot)
        assert.deepStrictEqual(victims(all), order.toReversed())
      })
    )
  })
})
