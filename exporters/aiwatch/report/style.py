"""How the report looks: light and dark, on paper, on a telephone."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --dim: #5c6570; --line: #d5dae0; --soft: #f3f5f7;
  --was: #b4bcc6; --now: #b3261e; --good: #2e7d32; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #14171a; --dim: #9aa4af; --line: #363c43;
  --soft: #1d2125; --was: #59636e; --now: #ff8a75; --good: #81c784; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 52rem;
  margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.7rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .3rem 0; overflow-wrap: anywhere; }
header { border-left: .4rem solid var(--dim); padding-left: 1rem; }
header.drift { border-color: var(--now); }
header.ok { border-color: var(--good); }
.state { font-weight: bold; text-transform: uppercase; letter-spacing: .05em; font-size: .85rem; }
.drift .state { color: var(--now); }
.ok .state { color: var(--good); }
.meta { color: var(--dim); font-size: .9rem; }
.causes { list-style: none; padding: 0; display: grid; gap: .8rem; }
.causes > li { background: var(--soft); border-radius: .4rem; padding: .7rem 1rem; }
.causes h3 { display: flex; justify-content: space-between; }
.causes ul, section > ul { margin: .3rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--dim); font-weight: normal; }
tbody th { overflow-wrap: break-word; min-width: 7rem; max-width: 16rem; }
.number { font-variant-numeric: tabular-nums; }
article { border: 1px solid var(--line); border-radius: .4rem; padding: .7rem 1rem; margin: .8rem 0;
  break-inside: avoid; }
svg { display: block; width: 100%; height: auto; margin-top: .4rem; overflow: visible; }
svg.meter { height: .5rem; border-radius: .25rem; overflow: hidden; }
.was { fill: var(--was); }
.bar, .heat { fill: var(--now); }
.track { fill: var(--line); }
path.now { fill: var(--now); fill-opacity: .12; stroke: var(--now); stroke-width: 2; }
.axis { stroke: var(--line); }
.line { fill: none; stroke: var(--now); stroke-width: 2; }
.begun { stroke: var(--dim); stroke-dasharray: 3 3; }
svg text { fill: var(--dim); font-size: 11px; }
svg .label { fill: var(--ink); font-size: 12px; }
.legend span::before { content: ""; display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; }
.legend span { margin-right: 1.2rem; font-size: .9rem; }
.key-was::before { background: var(--was); }
.key-now::before { border: 2px solid var(--now); }
summary { cursor: pointer; color: var(--dim); margin: .5rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; font-size: .9rem; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
"""
