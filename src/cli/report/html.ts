// The report as one HTML file: the words and the table without any script, the data, and the script that draws it.
import type { SweepPoint, View } from "../../domain/simulation/view.ts"
import { differences, rows, runWords } from "../../domain/simulation/words.ts"

/** What was said on the command line, but for formats and assertions: other words, changes to the scenario, replicates. */
export interface Told {
  readonly words: string
  readonly whatIf: string | null
  readonly replicates: number | null
}

/** `script` is the bundled page script. The policy of its contents forbids every request. */
export const reportHtml = (view: View, points: ReadonlyArray<SweepPoint>, script: string, told: Told): string => {
  const { metrics, scenario } = view
  const title = `Retention: ${scenario.name}`
  const data = JSON.stringify({ view, points, told }, finite).replaceAll("<", "\\u003c")
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escape(title)}</h1>
<p>${escape(scenario.about)}</p>
<p class="quiet" id="run">${escape(runWords(scenario))}</p>
</header>
<main>
<section aria-labelledby="figures-title">
<h2 id="figures-title">What each policy keeps</h2>
<div id="sentences">${differences(metrics)
    .map((text) => `<p>${escape(text)}</p>`)
    .join("")}</div>
<div class="wide" tabindex="0" role="region" aria-label="What each policy keeps, in figures"><table id="figures" aria-labelledby="figures-title">
<thead><tr><th scope="col">Figure</th>${metrics.map((one) => `<th scope="col">${escape(one.policy)}</th>`).join("")}</tr></thead>
<tbody>${rows(metrics)
    .map(
      ([label, values]) =>
        `<tr><th scope="row">${escape(label)}</th>${values.map((value) => `<td>${escape(value)}</td>`).join("")}</tr>`
    )
    .join("")}</tbody>
</table></div>
</section>
<noscript><p>The charts are drawn by a script in this file; without it the words and the table above are all there is.</p></noscript>
<div id="app"></div>
</main>
<script type="application/json" id="data">${data}</script>
<script>${script.replaceAll("</script", "<\\/script")}</script>
</body>
</html>
`
}

/** JSON has no infinity: it is written so that the page can bring it back. */
const finite = (_: string, value: unknown): unknown => (value === Infinity ? "Infinity" : value)

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const style = `
:root { color-scheme: light dark; --back: #fcfcfb; --ink: #1b1f24; --quiet: #59626d; --line: #d5d9de; --panel: #f2f4f6; --p0: #b4530a; --p1: #7a3ea8; --p2: #0a6f8f; --p3: #3d7a1f; --p4: #a8324a; --bad: #b3261e }
@media screen and (prefers-color-scheme: dark) { :root { --back: #15181c; --ink: #e6e8eb; --quiet: #a0a9b4; --line: #363c44; --panel: #1e2329; --p0: #f0a15a; --p1: #c79bea; --p2: #5cc4e2; --p3: #93cf6f; --p4: #f08a9e; --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1rem 4rem; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0 } h2 { font-size: 1.2rem; margin: 2.2rem 0 .3rem }
p { margin: .3rem 0 .6rem; max-width: 46rem } .quiet, figcaption { color: var(--quiet); font-size: .9rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .95rem }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: right } td, .figures tbody th { white-space: nowrap } th:first-child { text-align: left; font-weight: normal } thead th { font-weight: 600 }
.wide { overflow-x: auto } figure { margin: 0 } figure svg { max-width: 100%; height: auto; background: transparent; overflow: visible }
#controls { position: sticky; top: 0; z-index: 2 } .panel { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: end }
.panel label, .panel .day { display: grid; font-size: .8rem; color: var(--quiet); gap: .1rem } .panel .day { flex: 1 1 100%; grid-template-columns: auto 1fr; gap: 0 .4rem; align-items: baseline } .day input { grid-column: 1 / -1 }
input, select, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: .3rem; padding: .2rem .4rem; min-height: 2.2rem; max-width: 100% }
input[type=text], input[type=number] { width: 6.5rem } input[type=range] { width: 100%; padding: 0; accent-color: var(--p2) }
:focus-visible { outline: 3px solid var(--p2); outline-offset: 1px }
.panel fieldset { display: flex; flex-wrap: wrap; gap: .1rem .9rem; border: 0; padding: 0; margin: 0; align-items: center } .panel legend { font-size: .8rem; color: var(--quiet); padding: 0 } .panel .box { display: flex; align-items: center; gap: .3rem; font-size: .95rem; color: inherit; min-height: 2.2rem } .box input { min-height: 0; width: 1.1rem; height: 1.1rem; accent-color: var(--p2) }
#status { min-height: 1.5em } .wrong { color: var(--bad) }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .9rem } .legend span::before { content: ""; display: inline-block; width: 1.2rem; height: .6rem; margin-right: .35rem; vertical-align: middle; background: var(--is); border: 1px solid var(--line) }
details { margin: .4rem 0 } summary { cursor: pointer }
@media (max-width: 40rem) { body { padding: .5rem .7rem 3rem } #controls { position: static } }
@media print { * { print-color-adjust: exact } :root { color-scheme: light; --back: #fff; --ink: #000; --panel: #fff } .panel { display: none } section { break-inside: avoid } body { max-width: none } details::details-content { content-visibility: visible; display: block } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth } }
`
