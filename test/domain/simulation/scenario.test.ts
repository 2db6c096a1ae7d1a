// Scenario files, changes to them and demands: what is right is read, what is wrong is named with its place.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Result } from "effect"
import { assert, describe, it } from "@effect/vitest"
import { failures, parseAssertion } from "../../../src/domain/simulation/assertion.ts"
import { measure } from "../../../src/domain/simulation/metrics.ts"
import { placeIn } from "../../../src/domain/simulation/place.ts"
import { replay } from "../../../src/domain/simulation/replay.ts"
import {
  loadScenario,
  memoryOf,
  type ScenarioFile,
  scenarioOf,
  usual
} from "../../../src/domain/simulation/scenario.ts"
import { parseBytes } from "../../../src/domain/size.ts"
import { whatIf } from "../../../src/domain/simulation/whatIf.ts"

const scenarios = join(import.meta.dirname, "../../../scenarios")

const complaint = (text: string): string => {
  const loaded = loadScenario(text, "s.json")
  return Result.isFailure(loaded) ? loaded.failure.message : "(none)"
}

describe("a scenario file", () => {
  it("that comes with byteback is right", () => {
    const files = readdirSync(scenarios)
    assert.isAtLeast(files.length, 7)
    for (const file of files) {
      const loaded = loadScenario(readFileSync(join(scenarios, file), "utf8"), file)
      assert.isTrue(Result.isSuccess(loaded), Result.isFailure(loaded) ? loaded.failure.message : "")
    }
  })

  it("that is wrong is refused with the line, the column and the field", () => {
    const table: ReadonlyArray<readonly [string, RegExp]> = [
      ['{\n  "dayz": 3\n}', /^s\.json:2:11: dayz: unknown key/],
      ['{ "hosts": [ { "name": "a", "colour": 1 } ] }', /^s\.json:1:39: hosts\[0\]\.colour: unknown key/],
      [
        '{ "hosts": [\n { "name": "a" },\n { "name": "b",\n "base": "-5G" } ] }',
        /^s\.json:4:10: hosts\[1\]\.base: .*not below 0/
      ],
      ['{ "hosts": [{ "name": "a", "base": -5 }] }', /hosts\[0\]\.base: .*not below 0/],
      ['{ "hosts": [{ "name": "a", "failure": 1.5 }] }', /hosts\[0\]\.failure: /],
      [
        '{ "hosts": [{ "name": "a", "churn": { "daily": "1G", "spikes": { "probability": 2, "bytes": 1 } } }] }',
        /spikes\.probability: .*0 to 1/
      ],
      [
        '{ "days": 100, "hosts": [{ "name": "a", "firstDay": 100 }] }',
        /hosts\[0\]\.firstDay: its schedule never fires/
      ],
      ['{ "hosts": [{ "name": "a", "firstDay": 9, "diesOnDay": 3 }] }', /diesOnDay: its schedule never fires/],
      ['{ "hosts": [{ "name": "a", "every": "0d" }] }', /hosts\[0\]\.every: /],
      ['{ "days": 0 }', /^s\.json:1:11: days: expected a whole number, 1 to/],
      ['{ "hosts": [] }', /hosts: expected at least one host/],
      ['{ "hosts": [{ "name": "../etc" }] }', /hosts\[0\]\.name: expected a host's name/],
      ['{ "hosts": [{ "name": "a" }, { "name": "a" }] }', /hosts\[1\]\.name: two hosts are called a/],
      ['{ "policies": ["gfs"] }', /policies\[0\]/],
      ['{ "capacity": { "bytes": 0 } }', /capacity: a disk of no bytes/],
      ['{ "attack": { "kind": "flood", "host": "x", "fromDay": 3 } }', /attack\.host: no host is called x/],
      [
        '{ "days": 9, "clock": [{ "fromDay": 9, "toDay": 12, "by": "2d" }] }',
        /^s\.json:1:37: clock\[0\]\.fromDay: never comes within the 9 days/
      ],
      [
        '{ "capacity": { "snapshots": 9 }, "clock": [{ "fromDay": 1, "toDay": 2, "by": "2d" }] }',
        /clock: changes nothing where snapshots are counted/
      ],
      [
        '{ "capacity": { "snapshots": 9 }, "attack": { "kind": "grow", "fromDay": 3 } }',
        /attack\.kind: changes nothing where snapshots are counted/
      ],
      ['{ "policies": [{ "method": "age", "reserve": { "over": 0 } }] }', /reserve\.over: .*1 to 1000/],
      ['{ "policies": [{ "method": "age", "reserve": { "times": 1.2345 } }] }', /reserve\.times: .*three decimals/],
      ['{ "days": ', /is no JSON/],
      ["[]", /s\.json:1:1: the file: /]
    ]
    for (const [text, words] of table) {
      assert.match(complaint(text), words, text)
      assert.match(complaint(text), /nothing was simulated or written$/)
    }
  })

  it("of a million hosts says how much memory it would take", () => {
    const many: ScenarioFile = { hosts: [{ name: "h", count: 1000, past: [3, 2, 1] }] }
    const thousand = memoryOf(Result.getOrThrow(scenarioOf(many)))
    assert.isAbove(thousand, 1e8)
    // Told without making them.
    const said = scenarioOf({ hosts: [{ ...many.hosts![0]!, count: 1_000_000 }] }, 1e9)
    assert.match(
      Result.isFailure(said) ? said.failure.problem : "",
      /^1000000 hosts over 1095 days would take about \d{3} GB/
    )
    assert.isTrue(Result.isSuccess(scenarioOf(many, thousand)))
    assert.isTrue(Result.isFailure(scenarioOf(many, thousand - 1)))
  })
})

describe("what can never be", () => {
  const flood: ScenarioFile = {
    days: 100,
    attack: { kind: "flood", fromDay: 90 },
    hosts: [{ name: "a", firstDay: 50 }]
  }
  it("is refused wherever it is said: in the file, and by a change of it", () => {
    for (const wrong of [
      { days: 80 },
      { days: 40, attack: { kind: "flood", fromDay: 3 } },
      { skipDays: 100 },
      { hosts: [{ name: "a", failure: 1 }] },
      // It would come at 23:50 or later on the last day, or not at all.
      { hosts: [{ name: "a", firstDay: 99, at: "23:50", jitter: "1h" }] }
    ] satisfies ReadonlyArray<ScenarioFile>)
      assert.isTrue(Result.isFailure(scenarioOf({ ...flood, ...wrong })), JSON.stringify(wrong))
    const scenario = Result.getOrThrow(scenarioOf(flood))
    for (const wrong of ["days=80", "days=50", "failure=1"])
      assert.isTrue(Result.isFailure(whatIf(scenario, wrong)), wrong)
    assert.isTrue(Result.isSuccess(whatIf(scenario, "days=91,failure=0.9")))
  })
})

describe("the place of a path", () => {
  it("is found through strings that look like structure", () => {
    const text = '{ "a": "}]\\"{", "b": [1, "x,y", { "c": true }] }'
    assert.strictEqual(placeIn(text, ["b", 2, "c"]), `1:${text.indexOf("true") + 1}`)
    assert.strictEqual(placeIn(text, ["a"]), `1:${text.indexOf('"}]') + 1}`)
    assert.strictEqual(placeIn(text, ["b", 9]), `1:${text.indexOf("[1") + 1}`)
  })
})

describe("sizes", () => {
  it("are whole bytes, powers of 1024, or with GB and the like of 1000, as truncate has it", () => {
    assert.strictEqual(parseBytes("1.5K"), 1536)
    assert.strictEqual(parseBytes("250GB"), 250e9)
    assert.strictEqual(parseBytes("7B"), 7)
    assert.strictEqual(parseBytes("2TiB"), 2 * 2 ** 40)
    assert.strictEqual(parseBytes(0), 0)
    for (const wrong of ["", "-1", "1e9", "G", "99999999999P", -1, 1.5, Number.NaN]) assert.isNull(parseBytes(wrong))
  })
})

describe("what-if", () => {
  const scenario = Result.getOrThrow(scenarioOf(usual))
  it("changes what it names and leaves the rest", () => {
    const changed = Result.getOrThrow(
      whatIf(scenario, "capacity=+50G,host=+3,order=spread,churn=x2,failure=0.1,days=30,seed=9")
    )
    assert.deepStrictEqual(changed.capacity, { kind: "bytes", bytes: 250e9 + 50 * 2 ** 30 })
    assert.strictEqual(changed.hosts.length, 4)
    assert.deepStrictEqual(
      changed.policies.map((one) => one.name),
      ["spread"]
    )
    assert.strictEqual(changed.hosts[0]!.daily, 2 * scenario.hosts[0]!.daily)
    assert.strictEqual(changed.hosts[0]!.breaks, 0.1)
    assert.strictEqual(changed.days, 30)
    assert.strictEqual(changed.seed, 9)
  })
  it("counts snapshots where they are counted, and takes no size for a number of them", () => {
    const counted = Result.getOrThrow(scenarioOf({ ...usual, capacity: { snapshots: 30 } }))
    for (const [text, snapshots] of [
      ["60", 60],
      ["+3", 33],
      ["-3", 27],
      ["x1.5", 45]
    ] as const) {
      const { capacity } = Result.getOrThrow(whatIf(counted, `capacity=${text}`))
      assert.deepStrictEqual(capacity, { kind: "snapshots", snapshots })
    }
    for (const wrong of ["500G", "+500GB", "-30", "0", "x99999"]) {
      assert.isTrue(Result.isFailure(whatIf(counted, `capacity=${wrong}`)), wrong)
    }
  })
  it("refuses what it does not know", () => {
    for (const wrong of [
      "",
      "capacity",
      "capacity=lots",
      "capacity=-9000T",
      "host=3",
      "order=gfs",
      "failure=2",
      "days=0",
      "failure=1",
      "colour=red"
    ]) {
      const changed = whatIf(scenario, wrong)
      assert.isTrue(Result.isFailure(changed), wrong)
    }
  })
})

describe("a demand", () => {
  const scenario = Result.getOrThrow(scenarioOf({ ...usual, days: 60 }))
  const all = scenario.policies.map((policy) => measure(scenario, replay(scenario, policy, 0)))
  const names = scenario.policies.map((one) => one.name)
  const broken = (text: string) => failures([Result.getOrThrow(parseAssertion(text, names))], all)
  it("is held against every policy, or the one that it names", () => {
    assert.deepStrictEqual(broken("mre<0.9"), [])
    assert.strictEqual(broken("mre<0.0001").length, 3)
    assert.strictEqual(broken("spread.mre<0.0001").length, 1)
    assert.deepStrictEqual(broken("snapshots=60"), [])
    assert.deepStrictEqual(broken("age.targetError[0]<0.5"), [])
    assert.match(broken("spread.gapRatio[1]<1")[0]!, /does not hold: spread has gapRatio\[1\] \d/)
    assert.lengthOf(broken("gapRatio[60]>0"), 3)
  })
  it("that is none is refused", () => {
    for (const wrong of ["", "mre", "mre<<1", "colour<1", "gfs.mre<1", "mre<x", "mre[0]<1", "gapRatio<1"]) {
      assert.isTrue(Result.isFailure(parseAssertion(wrong, names)), wrong)
    }
  })
})
