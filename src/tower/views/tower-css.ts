/** Rules of Control Tower's pages alone; tokens, tables, score card and results come from the reports' style. */
const bands = `
:root {
  --band-0: light-dark(#c3ccd6, #3a4552); --band-1: light-dark(#a9d3ee, #1f4d6e); --band-2: light-dark(#6fb3dd, #2b719f);
  --band-3: light-dark(#3490c8, #4397cd); --band-4: light-dark(#0a6aa6, #7cc0ea); --band-5: light-dark(#05436c, #c4e5fa);
}
.band-0 { fill: var(--band-0); } .band-1 { fill: var(--band-1); } .band-2 { fill: var(--band-2); }
.band-3 { fill: var(--band-3); } .band-4 { fill: var(--band-4); } .band-5 { fill: var(--band-5); }
.band-6 { fill: none; stroke: var(--line-strong); stroke-dasharray: 2 2; }
`;

const frame = `
.bar-top { background: var(--panel); border-bottom: 1px solid var(--line); }
.bar-top > div { max-width: 1280px; margin: 0 auto; padding: 10px var(--space-5); display: flex; align-items: center; gap: var(--space-4); flex-wrap: wrap; }
.brand { display: inline-flex; align-items: center; gap: 9px; font-weight: 650; color: var(--ink); text-decoration: none; letter-spacing: -.01em; }
.brand svg { width: 22px; height: 22px; color: var(--series-1); }
.bar-top nav { display: flex; flex-wrap: wrap; gap: 4px var(--space-4); margin-left: auto; font-size: var(--text-s); } .bar-top nav a { color: var(--ink-2); text-decoration: none; }
.bar-top nav a:hover { text-decoration: underline; } .bar-top nav [aria-current] { color: var(--ink); font-weight: 600; }
.visitor { display: flex; gap: var(--space-3); align-items: center; font-size: var(--text-s); color: var(--ink-2); } .bar-top a[href^="/login"] { font-size: var(--text-s); }
.visitor button { font: inherit; background: none; border: 1px solid var(--line-strong); border-radius: var(--radius-small); padding: 2px 10px; color: var(--ink); cursor: pointer; } .visitor span { max-width: 16ch; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.page { max-width: 1280px; }
.page h2 { margin-bottom: var(--space-3); } .page .panel > h2 { margin: 0; } .page .gate > h2:not(:last-child) { margin-bottom: var(--space-2); }
.path { font-size: var(--text-s); color: var(--ink-2); margin-bottom: 4px; }
.footer { max-width: 1280px; margin: 0 auto; padding: 0 var(--space-5) var(--space-6); color: var(--ink-3); font-size: var(--text-xs); }
.lead { color: var(--ink-2); max-width: 72ch; } header > h1 + .lead { margin-top: 4px; } .lead .badge { white-space: nowrap; }
.panel + .small, .small-charts + .small, h2 + .quiet + .panel, .lead + .panel { margin-top: var(--space-3); }
.lead strong { color: var(--ink); }
.tags a { color: inherit; text-decoration: none; } .tags a:hover { text-decoration: underline; } .tags span { color: var(--ink-3); }
.empty { padding: var(--space-6) var(--space-5); display: grid; gap: var(--space-3); justify-items: start; } .empty pre { max-width: 100%; }
.big-code { font-size: 3.25rem; font-weight: 650; letter-spacing: -.04em; color: var(--ink-3); line-height: 1; }
`;

const fleet = `
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: var(--space-3); }
.tile { padding: var(--space-4) var(--space-5); display: flex; flex-direction: column; gap: 2px; }
.tile dt { font-size: var(--text-s); color: var(--ink-2); } .tile dd { line-height: 1.35; font-size: var(--text-s); color: var(--ink-2); }
.tile dd:first-of-type { font-size: 2rem; font-weight: 650; letter-spacing: -.03em; line-height: 1.15; color: var(--ink); }
.tile dd a { color: inherit; } .tile small { font-size: var(--text-m); font-weight: 400; color: var(--ink-3); letter-spacing: 0; }
.columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: var(--space-3); }
.chart-panel { padding: var(--space-4) var(--space-5) var(--space-5); display: grid; grid-template-columns: minmax(0, 1fr); gap: var(--space-3); align-content: start; }
.chips.active { margin-top: var(--space-3); } .chips.active a { background: var(--manual-tint); border-color: var(--manual); color: var(--ink); } .chips.active span { color: var(--ink-2); }
.chart-panel header { display: flex; flex-wrap: wrap; gap: 4px var(--space-4); align-items: baseline; }
.chips { display: flex; flex-wrap: wrap; gap: 4px; font-size: var(--text-xs); }
.chips a { padding: 1px 9px; border: 1px solid var(--line); border-radius: 99px; color: var(--ink-2); text-decoration: none; overflow-wrap: anywhere; }
.chips a:hover { border-color: var(--line-strong); } .chips [aria-current] { background: var(--inset); color: var(--ink); font-weight: 600; border-color: var(--line-strong); }
.facets { display: grid; grid-template-columns: 62px minmax(0, 1fr); gap: 4px var(--space-2); align-items: baseline; } .facets .number { color: var(--ink-3); margin-left: 3px; } .facets > .small:not(:first-child) { grid-column: 2; } header > .facets, .narrowings { margin-top: var(--space-3); } .narrowings { display: grid; gap: var(--space-2); }
.filter.search { grid-template-columns: minmax(0, 340px) auto; justify-content: start; margin-bottom: 0; }
.chart-panel table td, .chart-panel table th { padding: 4px 8px; vertical-align: middle; border-bottom: 0; }
.chart-panel table thead th { font-size: var(--text-xs); border-bottom: 1px solid var(--line); }
.chart-panel tr > :first-child { padding-left: 0; } .chart-panel tr > :last-child { padding-right: 0; }
.chart-panel tbody th { font-weight: 400; color: var(--ink); } .chart-panel tbody th small { color: var(--ink-3); font-size: 11px; white-space: nowrap; }
.chart-panel td.number { white-space: nowrap; } .chart-panel thead th:first-child { text-transform: capitalize; }
.hbar { width: 100%; height: 18px; overflow: visible; } .hbar .rail { fill: var(--inset); } .hbar .before { stroke: var(--ink); stroke-width: 2; } .stack { width: 100%; height: 16px; }
.stack rect { stroke: var(--panel); stroke-width: 1; } td.wide { width: 46%; } td.wider { width: 62%; }
.keys { display: flex; flex-wrap: wrap; gap: 3px 14px; font-size: 11px; color: var(--ink-2); } .keys li { display: inline-flex; gap: 5px; align-items: center; } .keys svg { width: 12px; height: 12px; }
.filter { padding: var(--space-3) var(--space-4); display: grid; grid-template-columns: 2fr 1.3fr repeat(3, 1fr) 1.5fr auto; gap: var(--space-3); align-items: end; margin-bottom: var(--space-3); }
.filter label { display: grid; gap: 3px; font-size: var(--text-xs); color: var(--ink-2); min-width: 0; }
.filter input, .filter select { font: inherit; font-size: var(--text-s); color: var(--ink); background: var(--page); border: 1px solid var(--line-strong); border-radius: var(--radius-small); padding: 6px 8px; width: 100%; min-width: 0; height: 34px; }
.filter .buttons { display: flex; gap: var(--space-3); align-items: center; }
.filter button { font: inherit; font-size: var(--text-s); font-weight: 600; height: 34px; padding: 0 16px; border-radius: var(--radius-small); border: 1px solid transparent; background: var(--accent); color: var(--page); cursor: pointer; }
.filter .buttons a { font-size: var(--text-s); white-space: nowrap; }
.models th a { color: inherit; text-decoration: none; display: inline-flex; gap: 4px; } .models th a:hover { text-decoration: underline; }
.models td, .models th { vertical-align: middle; padding: 7px 10px; } .models tbody tr:hover { background: var(--inset); }
.models tr > :first-child { padding-left: var(--space-4); } .models tr > :last-child { padding-right: var(--space-4); }
.models .name { min-width: 200px; max-width: 320px; } .models .name a { font-weight: 600; color: var(--ink); text-decoration: none; } .models .name a:hover { text-decoration: underline; }
.models .name small, .models td small { display: block; color: var(--ink-3); font-size: 11px; line-height: 1.35; overflow-wrap: anywhere; }
.models td.nowrap { white-space: nowrap; } .models .score small { white-space: nowrap; } .models .score b { font-size: 1.0625rem; font-weight: 650; }
.spark { width: 96px; height: 26px; overflow: visible; } .spark polyline { fill: none; stroke: var(--series-1); stroke-width: 1.5; stroke-linejoin: round; } .spark circle { fill: var(--series-1); } .spark line { stroke: var(--line); }
.four { width: 44px; height: 26px; } .four .rail { fill: var(--inset); } .four .done { fill: var(--series-1); } .four .low { fill: var(--series-2); }
.pager { display: flex; gap: var(--space-4); align-items: center; padding: var(--space-3) var(--space-4); border-top: 1px solid var(--line); font-size: var(--text-s); flex-wrap: wrap; }
.pager .ends { margin-left: auto; display: flex; gap: var(--space-4); }
`;

const model = `
.stacked { display: grid; grid-template-columns: minmax(0, 1fr); gap: var(--space-3); }
.charts { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); gap: var(--space-3); align-items: stretch; }
.chart { width: 100%; overflow: visible; font-size: 11px; }
.chart .grid { stroke: var(--line); } .chart text { fill: var(--ink-3); paint-order: stroke; stroke: var(--panel); stroke-width: 3px; }
.chart polyline { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.line-1 { stroke: var(--series-1); } .line-2 { stroke: var(--series-2); stroke-dasharray: 5 4; } .line-3 { stroke: var(--series-3); }
circle.line-1 { fill: var(--series-1); stroke: var(--panel); stroke-width: 1.5; } circle.line-3 { fill: var(--series-3); stroke: var(--panel); stroke-width: 1.5; }
.keys .swatch { width: 22px; height: 8px; } .swatch line { stroke-width: 2.5; }
.history td, .history th { white-space: nowrap; } .history .is-preview td { color: var(--ink-3); }
.next li { padding: 9px var(--space-4); border-bottom: 1px solid var(--line); display: grid; grid-template-columns: 110px minmax(0, 1fr) fit-content(45%); gap: 2px var(--space-3); font-size: var(--text-s); } .next li:last-child { border-bottom: 0; }
.next .badge { align-self: start; white-space: normal; border-radius: 10px; }
@media screen and (max-width: 600px) { .next li { grid-template-columns: 84px minmax(0, 1fr); } .next .badge { grid-column: 2; justify-self: start; } }
 .section-nav { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: var(--text-s); }
`;

const explore = `
.explore-form { grid-template-columns: repeat(5, minmax(0, 1fr)); margin-bottom: 0; } .explore-form .buttons { align-self: end; }
.plot { display: grid; grid-template-columns: auto minmax(0, 1fr); } .plot.has-ends { grid-template-columns: auto minmax(0, 1fr) 170px; } .ends text { fill: var(--ink-2); }
.axis { font-size: 11px; overflow: visible; } .axis text { fill: var(--ink-3); }
.line-4 { stroke: var(--series-4); stroke-dasharray: 2 3; } .line-5 { stroke: var(--series-5); stroke-dasharray: 9 3; }
.line-6 { stroke: var(--series-1); stroke-dasharray: 8 3 2 3; } .line-7 { stroke: var(--series-3); stroke-dasharray: 4 2; } .line-8 { stroke: var(--series-4); }
.time-chart .is-before { stroke: var(--ink-3); stroke-dasharray: 3 3; stroke-width: 1.5; opacity: .8; } .swatch .is-before { stroke: var(--ink-3); stroke-dasharray: 3 3; }
.time-chart circle { stroke: none; stroke-dasharray: none; } circle.line-2 { fill: var(--series-2); } circle.line-4, circle.line-8 { fill: var(--series-4); }
circle.line-5 { fill: var(--series-5); } circle.line-6 { fill: var(--series-1); } circle.line-7 { fill: var(--series-3); } .time-chart circle.is-before { fill: var(--ink-3); }
.time-chart polyline.is-partial { stroke-dasharray: 1 5; stroke-linecap: round; } .time-chart circle.is-partial { fill: var(--panel); stroke-width: 2; } .time-chart circle.line-1.is-partial, .time-chart circle.line-6.is-partial { stroke: var(--series-1); } .time-chart circle.line-2.is-partial { stroke: var(--series-2); } .time-chart circle.line-3.is-partial, .time-chart circle.line-7.is-partial { stroke: var(--series-3); } .time-chart circle.line-4.is-partial, .time-chart circle.line-8.is-partial { stroke: var(--series-4); } .time-chart circle.line-5.is-partial { stroke: var(--series-5); }
.chart .limit { stroke: var(--fail); stroke-dasharray: 6 4; }
.chart:not(.time-chart) { height: 190px; }
.small-charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: var(--space-3); } .page .small-charts h2 { margin: 0; } .small-charts h2 { font-size: var(--text-s); overflow-wrap: anywhere; }
.numbers th[scope=row] { font-weight: 400; } .numbers td, .numbers th { padding: 6px 12px; white-space: nowrap; } .numbers th[scope=row] { white-space: normal; min-width: 160px; } .numbers td.asks { white-space: normal; min-width: 30ch; overflow-wrap: anywhere; }
.numbers td.says { white-space: normal; min-width: 15ch; } .numbers thead th::first-letter { text-transform: uppercase; } .bars td.number { width: 1%; }
.questions { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: var(--space-3); }
.questions a { padding: var(--space-3) var(--space-4); display: grid; gap: 2px; text-decoration: none; color: var(--ink-2); font-size: var(--text-s); align-content: start; }
.questions a:hover { border-color: var(--accent); } .questions strong { color: var(--accent); font-size: var(--text-m); }
.measured { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); gap: var(--space-4) var(--space-6); align-items: start; }
.measured caption { text-align: left; font-weight: 600; padding-bottom: var(--space-1, 4px); } .measured table { table-layout: fixed; } .measured td { white-space: nowrap; width: 92px; } .measured td:has(.spark) { width: 180px; } .measured th { overflow-wrap: anywhere; } .measured th .badge { display: table; white-space: normal; border-radius: 8px; }
.spark.long { width: 160px; height: 28px; } .spark .limit { stroke: var(--fail); stroke-dasharray: 4 3; opacity: .7; }
.alerts small { display: block; color: var(--ink-3); font-size: 11px; font-weight: 400; } .alerts td.done { white-space: normal; min-width: 220px; font-size: var(--text-xs); } .alerts td, .alerts th { vertical-align: top; }
.elsewhere { padding: var(--space-3) var(--space-4); } .elsewhere[open] { display: grid; gap: var(--space-3); } .elsewhere[open] summary { margin-bottom: var(--space-3); } .elsewhere p { margin: var(--space-2) 0; font-size: var(--text-s); } .elsewhere pre { white-space: pre-wrap; overflow-wrap: anywhere; }
`;

const dashboards = `
.dashboard { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: var(--space-5) var(--space-3); align-items: start; }
.dashboard-panel { min-width: 0; break-inside: avoid; } .dashboard-panel:has(.small-charts) { grid-column: 1 / -1; } .page .dashboard-panel > h2 { font-size: var(--text-m); } .dashboard-panel h2 a { color: inherit; text-decoration: none; } .dashboard-panel h2 a:hover { text-decoration: underline; }
.dashboard .plot.has-ends { grid-template-columns: auto minmax(0, 1fr) 130px; } .dashboard .small-charts { grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); }
`;

const forms = `
.record-form { padding: var(--space-4) var(--space-5); display: grid; gap: var(--space-4); } .record-form form { display: grid; gap: var(--space-3); }
.record-form fieldset { border: 0; padding: 0; margin: 0; min-width: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 210px), 1fr)); gap: var(--space-3) var(--space-4); align-items: start; } .record-form legend { font-weight: 600; padding: 0; margin-bottom: var(--space-2); }
.field { display: grid; gap: 3px; min-width: 0; font-size: var(--text-s); } .field label { color: var(--ink-2); } .field .hint { color: var(--ink-3); font-size: var(--text-xs); } .field .error { color: var(--fail-ink); font-size: var(--text-xs); font-weight: 600; }
.field input:not([type=checkbox]), .field select, .field textarea { font: inherit; color: var(--ink); background: var(--page); border: 1px solid var(--line-strong); border-radius: var(--radius-small); padding: 6px 8px; width: 100%; min-width: 0; min-height: 36px; } .field textarea { resize: vertical; } .field [aria-invalid] { border-color: var(--fail); }
.tick { grid-template-columns: auto minmax(0, 1fr); gap: 8px; align-items: baseline; padding-top: 28px; } .tick label { color: var(--ink); }
.record-form .buttons, .changes { display: flex; flex-wrap: wrap; gap: var(--space-3); align-items: baseline; font-size: var(--text-s); } .changes form { display: contents; }
.record-form button, .changes button, .deed button, a.button { font: inherit; font-size: var(--text-s); font-weight: 600; padding: 6px 16px; border-radius: var(--radius-small); border: 1px solid transparent; background: var(--accent); color: var(--page); cursor: pointer; text-decoration: none; display: inline-block; }
.record-form button.plain { background: none; border-color: var(--line-strong); color: var(--ink); } .record-form fieldset.question { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); }
.deed { font-size: var(--text-s); } .deed summary { cursor: pointer; color: var(--fail-ink); } .deed form { display: grid; gap: var(--space-2); justify-items: start; padding: var(--space-2) 0; white-space: normal; } .deed button.danger { background: var(--fail-ink); }
.wrapped { white-space: pre-wrap; overflow-wrap: anywhere; } .versions { display: grid; gap: var(--space-2); } .notice { padding: var(--space-3) var(--space-4); border-color: var(--fail); }
`;

const api = `
.operation { padding: var(--space-4) var(--space-5); display: grid; grid-template-columns: minmax(0, 1fr); gap: var(--space-3); font-size: var(--text-s); scroll-margin-top: var(--space-3); }
section.operation > h2 { margin: 0; } .operation h2 { font-size: var(--text-m); display: flex; gap: var(--space-3); align-items: baseline; overflow-wrap: anywhere; }
.operation pre { white-space: pre-wrap; overflow-wrap: anywhere; } .operation .answers { display: grid; gap: 4px; margin-top: var(--space-2); }
.parameters td, .parameters th { white-space: normal; vertical-align: top; overflow-wrap: break-word; padding: 5px 12px 5px 0; } .parameters th[scope=row] { min-width: 90px; } .parameters small { display: block; color: var(--ink-3); }
`;

const narrow = `
@media screen and (max-width: 960px) { .models .wide-only { display: none; } .models .name { min-width: 150px; } .models td, .models th { padding: 7px 8px; } }
@media (max-width: 1080px) { .flow td { white-space: normal; } .flow time, .flow td > code { white-space: nowrap; } .alerts td, .alerts th { white-space: normal; padding: 6px 8px; } .alerts time, .alerts td.number, .alerts .badge, .alerts code { white-space: nowrap; } .alerts td.done { min-width: 140px; overflow-wrap: anywhere; } .numbers.alerts th[scope=row] { min-width: 110px; }
  .questions { grid-template-columns: repeat(2, minmax(0, 1fr)); } .filter { grid-template-columns: repeat(3, minmax(0, 1fr)); } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .columns, .charts { grid-template-columns: minmax(0, 1fr); } }
@media screen and (max-width: 720px) {
  .record-form fieldset.question { grid-template-columns: minmax(0, 1fr); } .tick { padding-top: 0; }
  .explore-form { grid-template-columns: repeat(2, minmax(0, 1fr)); } .plot.has-ends, .dashboard .plot.has-ends { grid-template-columns: auto minmax(0, 1fr); } .ends { display: none; }
  .bar-top > div { padding: 10px var(--space-3); gap: 6px var(--space-4); } .bar-top nav { margin-left: 0; gap: 4px 10px; } .footer { padding-left: var(--space-3); padding-right: var(--space-3); }
  .filter { grid-template-columns: repeat(2, minmax(0, 1fr)); } .filter label:first-child, .filter .buttons { grid-column: 1 / -1; }
  .tile { padding: var(--space-3); } .tile dd:first-of-type { font-size: 1.5rem; } .chart-panel { padding: var(--space-3) var(--space-4) var(--space-4); }
  .models thead { display: none; } .models tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 2px 12px; padding: 10px var(--space-4); border-bottom: 1px solid var(--line); }
  .models td, .models th, .models tr > :first-child, .models tr > :last-child { padding: 0; border: 0; } .models .name { min-width: 0; max-width: none; grid-row: span 2; } .models .extra { display: none; }
  .flow thead, .flow .done > .quiet:only-child { display: none; } .flow th[scope=row] { overflow-wrap: anywhere; } .flow tr { display: flex; flex-wrap: wrap; gap: 4px 14px; padding: 10px var(--space-4); border-bottom: 1px solid var(--line); } .alerts.flow td, .alerts.flow th { padding: 0; border: 0; min-width: 0; } .flow td.done { flex-basis: 100%; }
  .numbers.flow td, .numbers.flow th[scope=row] { padding: 0; border: 0; min-width: 0; white-space: normal; } .flow th[scope=row] { flex-basis: 100%; } .flow td[data-label]::before { content: attr(data-label) ' '; color: var(--ink-3); }
  .measured .extra { display: none; } .measured td:has(.spark) { width: 116px; } .spark.long { width: 100px; }
  .models td { text-align: right; } .models td.name { text-align: left; } td.wide { width: 34%; }
  .groups thead { display: none; } .groups tr { display: grid; grid-template-columns: minmax(0, 1fr) auto 76px; } .groups td[data-label]::after { content: ' ' attr(data-label); color: var(--ink-3); font-size: 11px; } .chart-panel .groups td.stacked-bar { grid-column: 1 / -1; width: auto; padding: 0 0 var(--space-2); }
  td.wider { width: 40%; } .chart-panel thead th { white-space: normal; vertical-align: bottom; }
}
@media screen and (max-width: 480px) { .questions { grid-template-columns: minmax(0, 1fr); } }
@page { margin: 12mm; }
@media print {
  :root { color-scheme: light; } * { print-color-adjust: exact; } body { background: none; font-size: 10pt; }
  .bar-top nav, .visitor, .bar-top a[href^="/login"], .filter, .changes, .deed, .record-form form, .pager .ends, .chips, .section-nav, .elsewhere, .questions { display: none; } .footer, .bar-top > div { padding: 0; }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } .columns { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
  .scroll { overflow: visible; } .panel, .tile, tr, .chart, .small-charts > * { break-inside: avoid; } h2, h3, thead { break-after: avoid; }
  .models td, .models th { padding: 4px 3px; font-size: 8pt; } .models .score { min-width: 19mm; } .models .score small { white-space: normal; overflow-wrap: normal; }
  .tile { padding: var(--space-3) var(--space-4); } .tile dd:first-of-type { font-size: 1.5rem; overflow-wrap: normal; } .chart-panel { padding: var(--space-3) var(--space-4); } .models .name { min-width: 36mm; } .models .spark { width: 52px; } .panel.scroll, .models { break-inside: auto; }
}
`;

export const towerCss: string = [bands, frame, fleet, model, explore, dashboards, forms, api, narrow]
  .map((css) => css.trim().replaceAll(/\n\s*/g, '\n'))
  .join('\n');
