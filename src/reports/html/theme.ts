/**
 * The look that reports and Control Tower share, as one string of CSS: tokens, base elements, badges, tables, score card.
 * Colours rest on the Okabe-Ito palette (https://jfly.uni-koeln.de/color/); text tones reach 4.5:1 on their ground.
 * Force a scheme with `data-theme="light"` or `"dark"` on the root element; else the system decides.
 * Geometry stands in SVG attributes, never in style attributes, so that a strict content security policy holds.
 */
const tokens = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f4f6f8, #0e1217); --panel: light-dark(#fff, #161b22); --inset: light-dark(#eef1f5, #1d242d);
  --line: light-dark(#dde3ea, #29323d); --line-strong: light-dark(#b4bfcb, #465463);
  --ink: light-dark(#15202b, #e7ecf2); --ink-2: light-dark(#4a5867, #a9b5c2); --ink-3: light-dark(#5f6c7a, #8b98a6);
  --accent: light-dark(#005f96, #6fbcec);
  --pass: light-dark(#009e73, #1fb98c); --pass-ink: light-dark(#006b4e, #46d3a6); --pass-tint: light-dark(#e3f5ee, #10302a);
  --fail: light-dark(#d55e00, #ef7a1f); --fail-ink: light-dark(#a84300, #ff9d57); --fail-tint: light-dark(#fdeee3, #38230f);
  --manual: light-dark(#0072b2, #4aa8e0); --manual-ink: light-dark(#005f96, #6fbcec); --manual-tint: light-dark(#e4f1f9, #10293b);
  --error: light-dark(#b3588c, #cc79a7); --error-ink: light-dark(#93386b, #eba3cb); --error-tint: light-dark(#f9eaf2, #361f2c);
  --warn: light-dark(#e69f00, #e69f00); --warn-ink: light-dark(#835400, #f3bd4e); --warn-tint: light-dark(#fdf3dc, #33270c);
  --skipped: light-dark(#8d99a6, #6d7a88); --skipped-ink: light-dark(#55626f, #9aa7b5);
  --series-1: light-dark(#0072b2, #56b4e9); --series-2: light-dark(#d55e00, #e69f00); --series-3: light-dark(#009e73, #1fb98c);
  --series-4: light-dark(#a3487c, #cc79a7); --series-5: light-dark(#7a6a00, #f0e442);
  --font: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  --space-1: 4px; --space-2: 8px; --space-3: 12px; --space-4: 16px; --space-5: 24px; --space-6: 40px;
  --radius: 8px; --radius-small: 5px;
  --text-xs: .75rem; --text-s: .8125rem; --text-m: .9375rem; --text-l: 1.125rem; --text-xl: 1.5rem;
}
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] { color-scheme: dark; }
@media print { :root, :root[data-theme] { color-scheme: light; --page: #fff; } }
`;

const base = `
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: var(--space-4); }
body { margin: 0; background: var(--page); color: var(--ink); font: var(--text-m)/1.5 var(--font); font-variant-numeric: tabular-nums; }
h1, h2, h3, h4, p, ol, ul, dl, dd, figure { margin: 0; padding: 0; }
ol, ul { list-style: none; }
h1 { font-size: var(--text-xl); line-height: 1.2; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: var(--text-l); line-height: 1.3; letter-spacing: -.005em; }
h3 { font-size: var(--text-m); line-height: 1.35; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: var(--radius-small); }
code, pre, .mono { font-family: var(--mono); font-size: .92em; font-variant-ligatures: none; }
code, p, li, dd { overflow-wrap: anywhere; }
td { overflow-wrap: break-word; max-width: 48ch; }
pre { margin: 0; padding: var(--space-2) var(--space-3); background: var(--inset); border-radius: var(--radius-small); overflow-x: auto; }
svg { display: block; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.quiet { color: var(--ink-2); } .small { font-size: var(--text-s); } .number { text-align: right; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: var(--radius); }
.icon { width: 16px; height: 16px; flex: none; }
.is-pass { --tone: var(--pass); --tone-ink: var(--pass-ink); --tint: var(--pass-tint); }
.is-fail { --tone: var(--fail); --tone-ink: var(--fail-ink); --tint: var(--fail-tint); }
.is-manual { --tone: var(--manual); --tone-ink: var(--manual-ink); --tint: var(--manual-tint); }
.is-error { --tone: var(--error); --tone-ink: var(--error-ink); --tint: var(--error-tint); }
.is-warn { --tone: var(--warn); --tone-ink: var(--warn-ink); --tint: var(--warn-tint); }
.is-skipped, .is-not-applicable { --tone: var(--skipped); --tone-ink: var(--skipped-ink); --tint: var(--inset); }
.icon { color: var(--tone); }
.badge { display: inline-flex; align-items: center; gap: 5px; padding: 1px 8px; border-radius: 99px; font-size: var(--text-xs); font-weight: 600; line-height: 1.6; white-space: nowrap; color: var(--tone-ink, var(--ink-2)); background: var(--tint, var(--inset)); }
.badge .icon { width: 13px; height: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: var(--text-s); }
th { text-align: left; font-weight: 600; color: var(--ink-2); }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom-color: var(--line-strong); white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
`;

const scoreCard = `
.card { container-type: inline-size; overflow: hidden; }
.card-head { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: var(--space-4) var(--space-5); align-items: center; padding: var(--space-4) var(--space-5); }
.card-score { display: flex; align-items: baseline; gap: 6px; line-height: 1; }
.card-score b { font-size: 3.25rem; font-weight: 650; letter-spacing: -.04em; }
.card-score span { color: var(--ink-3); font-size: var(--text-l); }
.card-words p:first-child { font-weight: 600; }
.card-words p:first-child::first-letter { text-transform: uppercase; }
.scale { grid-column: 1 / -1; width: 100%; height: 46px; overflow: visible; font-size: 11px; }
.scale text { fill: var(--ink-3); } .scale .is-now { fill: var(--ink); font-weight: 650; }
.scale .rail { fill: var(--inset); } .scale .done { fill: var(--series-1); } .scale .ran { fill: none; stroke: var(--series-1); stroke-width: 1.5; stroke-dasharray: 3 2.5; }
.scale .tick { stroke: var(--panel); stroke-width: 2; }
.card-row { display: grid; grid-template-columns: 168px minmax(0, 1fr); border-top: 1px solid var(--line); }
.card-section { padding: var(--space-3) var(--space-4) var(--space-3) var(--space-5); display: flex; flex-direction: column; gap: 4px; }
.card-section h3 { font-size: var(--text-s); color: var(--ink-2); font-weight: 600; }
.card-section .total { font-size: 1.375rem; font-weight: 650; letter-spacing: -.02em; line-height: 1.15; }
.card-section .total small { font-size: var(--text-s); font-weight: 400; color: var(--ink-3); letter-spacing: 0; }
.card-section .bar { width: 100%; height: 7px; }
.bar .rail { fill: var(--inset); } .bar .done { fill: var(--series-1); } .bar .ran { fill: none; stroke: var(--series-1); stroke-width: 1.5; stroke-dasharray: 3 2.5; }
.card-section .badge { align-self: flex-start; }
.card-tests { display: grid; grid-template-columns: repeat(7, minmax(0, 1fr)); gap: 1px; background: var(--line); border-left: 1px solid var(--line); }
.test { display: flex; flex-direction: column; gap: 3px; height: 100%; min-height: 92px; padding: 9px 10px 10px; background: var(--panel); color: inherit; text-decoration: none; border-top: 3px solid var(--tone); }
.test.is-skipped, .test.is-not-applicable { border-top: 3px dotted var(--tone); }
a.test:hover { background: var(--tint); } a.test:hover .test-title { text-decoration: underline; }
a.test:focus-visible { outline-offset: -3px; }
.test-head { display: flex; align-items: center; gap: 6px; font-size: var(--text-xs); color: var(--ink-2); }
.test-head .id { flex: 1; font-family: var(--mono); font-size: 11px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.test-points { font-weight: 650; font-size: var(--text-s); color: var(--tone-ink); }
.test-title { font-size: var(--text-xs); line-height: 1.35; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 8; overflow: hidden; hyphens: auto; }
.test.is-skipped .test-title, .test.is-not-applicable .test-title { color: var(--ink-2); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 18px; padding: 10px var(--space-5); border-top: 1px solid var(--line); font-size: var(--text-xs); color: var(--ink-2); }
.legend li { display: inline-flex; align-items: center; gap: 6px; }
@container (max-width: 900px) {
  .card-row { grid-template-columns: minmax(0, 1fr); }
  .card-section { display: grid; grid-template-columns: minmax(0, 1fr) auto auto; align-items: center; gap: 4px 12px; padding: 10px var(--space-4); }
  .card-section .bar { grid-column: 1 / -1; }
  .card-tests { border-left: 0; border-top: 1px solid var(--line); }
  .test { padding: 8px 7px; } .test-head { gap: 4px; } .test-head .id { font-size: 10px; }
  .card-head { padding: var(--space-4); } .legend { padding: 10px var(--space-4); }
}
@container (max-width: 760px) {
  .card-tests { grid-template-columns: minmax(0, 1fr); }
  .test { min-height: 0; flex-direction: row; align-items: flex-start; gap: 10px; border-top: 0; border-left: 4px solid var(--tone); padding: 8px 12px; }
  .test.is-skipped, .test.is-not-applicable { border-top: 0; border-left: 4px dotted var(--tone); }
  .test-head { flex: none; width: 118px; gap: 6px; } .test-head .id { font-size: 11px; } .test-title { font-size: var(--text-s); -webkit-line-clamp: none; }
  .card-head { grid-template-columns: minmax(0, 1fr); gap: var(--space-2); } .scale { margin-top: var(--space-2); }
}
@media print { .card-row, .test { break-inside: avoid; } .card-tests { background: #dde3ea; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;

/** Everything a page needs to show the score card, badges and tables; append your own rules after it. */
export const themeCss: string = [tokens, base, scoreCard].map((css) => css.trim().replaceAll(/\n\s*/g, '\n')).join('\n');
