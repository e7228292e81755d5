/** Rules of the report page alone; the tokens come from the theme. */
export const pageCss: string = `
:root:has(#theme-light:checked) { color-scheme: light; }
:root:has(#theme-dark:checked) { color-scheme: dark; }
@media print { :root:has(#theme-dark:checked) { color-scheme: light; } }
.page { max-width: 1200px; margin: 0 auto; padding: var(--space-5) var(--space-5) 64px; display: grid; grid-template-columns: minmax(0, 1fr); gap: var(--space-5); }
.skip-link:not(:focus) { position: absolute; left: -9999px; }
.top { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: var(--space-3) var(--space-5); align-items: start; }
.top h1 { margin-bottom: 4px; } .top .about { max-width: 68ch; color: var(--ink-2); }
.tags { display: flex; flex-wrap: wrap; gap: 6px; margin-top: var(--space-2); }
.tags li { padding: 1px 9px; border: 1px solid var(--line); border-radius: 99px; font-size: var(--text-xs); color: var(--ink-2); background: var(--panel); }
.themes { display: flex; border: 1px solid var(--line); border-radius: 99px; background: var(--panel); font-size: var(--text-xs); padding: 2px; margin: 0; }
.themes label { padding: 2px 10px; border-radius: 99px; color: var(--ink-2); cursor: pointer; }
.themes label:has(:checked) { background: var(--inset); color: var(--ink); font-weight: 600; }
.themes label:has(:focus-visible) { outline: 2px solid var(--accent); }
.contents { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: var(--text-s); padding-top: var(--space-3); border-top: 1px solid var(--line); }
.page > section > h2, .page > section > header { margin-bottom: var(--space-3); }
.page > section > header p { color: var(--ink-2); font-size: var(--text-s); }
.gate { padding: var(--space-3) var(--space-5); border-left: 5px solid var(--tone); }
.gate h2 { display: flex; gap: 9px; align-items: center; font-size: var(--text-m); }
.gate ul { margin: 6px 0 2px 25px; font-size: var(--text-s); columns: 2 380px; column-gap: 40px; }
.gate li { break-inside: avoid; padding: 1px 0; } .gate p { margin-left: 25px; }
.steps { counter-reset: step; } .steps > li { counter-increment: step; display: grid; grid-template-columns: 30px minmax(0, 1fr) fit-content(45%); gap: 2px 10px; padding: 11px var(--space-5) 11px var(--space-4); border-bottom: 1px solid var(--line); }
.steps > li:last-child { border-bottom: 0; }
.steps > li::before { content: counter(step); grid-row: span 3; font-weight: 650; font-size: var(--text-l); line-height: 1.3; color: var(--ink-3); text-align: center; }
.steps .badge { align-self: start; margin-top: 2px; white-space: normal; border-radius: 10px; } .steps p, .steps pre { grid-column: 2 / -1; }
.line { display: block; width: fit-content; max-width: 100%; margin: 4px 0; padding: 3px 10px; font-size: var(--text-xs); border-left: 3px solid var(--manual); white-space: pre-wrap; }
.results { margin-top: var(--space-4); } .results h3 { margin-bottom: 6px; font-size: var(--text-s); }
.result { border-bottom: 1px solid var(--line); } .result:last-child { border-bottom: 0; }
.result:has(:target) { box-shadow: inset 4px 0 0 var(--accent); }
.result summary { display: grid; grid-template-columns: 16px 84px minmax(0, 1fr) auto 22px; gap: 10px; align-items: center; padding: 8px var(--space-4); cursor: pointer; list-style: none; }
.result summary::-webkit-details-marker { display: none; } .result summary:hover { background: var(--inset); }
.result summary:focus-visible { outline-offset: -2px; }
.result .id { font-size: var(--text-xs); color: var(--ink-2); } .result .points { text-align: right; font-weight: 650; color: var(--tone-ink); }
.result[open] summary .title { font-weight: 600; }
.details { padding: 2px var(--space-5) 16px 126px; display: grid; gap: 9px; grid-template-columns: minmax(0, 1fr); font-size: var(--text-s); scroll-margin-top: 64px; }
.headline { display: grid; grid-template-columns: auto minmax(0, auto) minmax(140px, 1fr); gap: 6px 22px; align-items: center; padding: 8px 14px; background: var(--inset); border-radius: var(--radius-small); }
.headline b { font-size: 1.25rem; font-weight: 650; letter-spacing: -.02em; } .headline dl { display: flex; flex-wrap: wrap; gap: 2px 18px; }
.headline dt { font-size: 11px; color: var(--ink-3); line-height: 1.3; } .headline dd { line-height: 1.3; }
.interval { width: 100%; height: 17px; min-width: 120px; overflow: visible; }
.interval .rail { fill: var(--line-strong); } .interval .reach { fill: var(--series-1); opacity: .38; } .interval .dot { fill: var(--series-1); }
.interval .mark { stroke: var(--ink-2); stroke-width: 1.5; stroke-dasharray: 2.5 2; } td.drawing { min-width: 150px; width: 30%; vertical-align: middle; }
.findings { display: grid; gap: 7px; } .findings > li { padding-left: 12px; border-left: 3px solid var(--line-strong); }
.place { color: var(--ink-2); }
.rules { border-left: 1px solid var(--line); padding: 10px var(--space-4); display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 7px 22px; align-content: center; font-size: var(--text-s); }
.rule { display: flex; gap: 9px; } .rule .icon { margin-top: 2px; } .rule:target { background: var(--inset); outline: 4px solid var(--inset); }
.files { padding: var(--space-4) var(--space-5); display: grid; gap: var(--space-4); grid-template-columns: minmax(0, 1fr); font-size: var(--text-s); }
.files h3 { font-size: var(--text-s); margin-bottom: 6px; overflow-wrap: anywhere; }
.facts { padding: var(--space-4) var(--space-5); font-size: var(--text-s); } .facts dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 10px 24px; }
.facts dt { color: var(--ink-3); font-size: var(--text-xs); }
.notices { margin-top: var(--space-4); padding-top: var(--space-3); border-top: 1px solid var(--line); display: grid; gap: 4px; color: var(--ink-2); }
footer { color: var(--ink-3); font-size: var(--text-xs); }
@media (max-width: 720px) {
  .page { padding: var(--space-4) var(--space-3) 48px; gap: var(--space-4); } .top { grid-template-columns: minmax(0, 1fr); } .themes { justify-self: start; }
  .details { padding-left: var(--space-4); padding-right: var(--space-4); } .headline { grid-template-columns: minmax(0, 1fr); }
  .result summary { grid-template-columns: 16px minmax(0, 1fr) auto 18px; } .result .id { display: none; }
  .steps > li { grid-template-columns: 24px minmax(0, 1fr); padding: 10px 12px; } .steps .badge { grid-column: 2; justify-self: start; }
  .rules { border-left: 0; border-top: 1px solid var(--line); } .files, .facts { padding: var(--space-3) var(--space-4); } .gate { padding: var(--space-3); }
}
@media print {
  .themes, .contents { display: none; } .page { max-width: none; padding: 0; }
  .result::details-content { display: block; content-visibility: visible; block-size: auto; } .result { break-inside: avoid-page; }
}
`
  .trim()
  .replaceAll(/\n\s*/g, '\n');
