"""The look of a report page: one style sheet for light and dark, no file or network beside it."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f5f5f2; --card: #ffffff; --line: #e1e0d9; --grid: #ecebe6; --axis: #b5b3ab;
  --ink: #14140f; --soft: #55534d; --faint: #86847c;
  --true: #2a78d6; --predicted: #d9622b; --other: #a3a199;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121211; --card: #1b1b1a; --line: #32322f; --grid: #282826; --axis: #55544f;
    --ink: #f4f3ee; --soft: #b9b7ae; --faint: #8a8880;
    --true: #5a9df0; --predicted: #ee8552; --other: #6f6d66;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 1180px; margin: 0 auto; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.05rem; margin: 0 0 .25rem; }
p { margin: 0 0 .75rem; color: var(--soft); max-width: 75ch; }
.tiles, .pair { display: grid; gap: 1rem; margin: 1rem 0; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(155px, 1fr)); }
.pair { grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr)); }
.card, .tile {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem;
  min-width: 0;
}
.card { margin: 1rem 0; }
.pair .card { margin: 0; }
.tile b { display: block; font-size: 1.5rem; font-weight: 600; line-height: 1.25; }
.tile span { color: var(--soft); font-size: .82rem; line-height: 1.35; display: block; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { padding: .38rem .7rem .38rem 0; text-align: left; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
td { vertical-align: top; }
td.number, th.number {
  text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap;
}
th.number { white-space: normal; min-width: 4.5rem; }
td code { display: block; min-width: 17rem; max-width: 26rem; overflow-wrap: anywhere; }
code { font: .8rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
small { color: var(--faint); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .85rem; color: var(--soft); }
.legend svg { width: 26px; height: 12px; vertical-align: -1px; margin-right: .35rem; }
.note { border-left: 3px solid var(--predicted); }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .35rem .8rem; }
.bars i { align-self: center; height: 10px; border-radius: 0 4px 4px 0; background: var(--true); }
.bars b { font-weight: 400; text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: .5rem 0 0; overflow-x: auto; }
figure.wide svg { min-width: 660px; }
figure svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
svg text.tick { fill: var(--faint); font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--grid); stroke-width: 1; }
svg .axis { stroke: var(--axis); stroke-width: 1; }
svg .diagonal { stroke: var(--axis); stroke-width: 1; stroke-dasharray: 4 4; }
svg .tie { stroke: var(--axis); stroke-width: 1; }
svg .step { fill: none; stroke: var(--true); stroke-width: 1.5; stroke-opacity: .45; }
svg .bar { stroke: var(--predicted); stroke-width: 1.5; stroke-opacity: .5; }
svg .spread { stroke: var(--true); stroke-width: 1.5; stroke-opacity: .5; }
svg .true { fill: var(--true); stroke: var(--card); stroke-width: 1.5; }
svg .predicted { fill: var(--card); stroke: var(--predicted); stroke-width: 2; }
svg .other { fill: var(--other); stroke: var(--card); stroke-width: 1; }
svg .cloud { stroke: var(--true); stroke-linecap: round; stroke-width: 4.5; stroke-opacity: .4; }
svg .dots { stroke: var(--true); stroke-linecap: round; stroke-width: 8; }
@media print { body { background: none; padding: 0; } .card, .tile { break-inside: avoid; } }
"""
