"""The style of the report's page, light and dark."""

from __future__ import annotations

__all__ = ["STYLE"]

# The lines' colours are after Okabe & Ito, apart for most who are colour-blind, darker on white paper.
STYLE = """
:root{color-scheme:light dark;--page:#fff;--text:#1c1c21;--quiet:#5a5a66;--rule:#d8d8de;--shade:#0b5cad;
--on-shade:#fff;--s0:#b34700;--s1:#0072b2;--s2:#7a6200;--s3:#00785a;--s4:#a3508a;--s5:#444}
@media (prefers-color-scheme:dark){:root{--page:#18181b;--text:#e6e6ea;--quiet:#a9a9b5;--rule:#3b3b44;
--shade:#7cb7f2;--on-shade:#10131a;--s0:#ff8a3d;--s1:#56b4e9;--s2:#f0e442;--s3:#2fd0a0;--s4:#e59bcb;--s5:#ccc}}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:0 0 .5rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;margin:.5rem 0;
font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--quiet);padding:.25rem 0}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
th[scope=row],th:first-child{text-align:left}thead th{vertical-align:bottom}
.charts{display:flex;flex-wrap:wrap;gap:1.5rem}figure{margin:.5rem 0;max-width:100%}
figcaption{color:var(--quiet);font-size:.85rem;width:0;min-width:max(100%,15rem)}small{display:block;white-space:nowrap;
color:var(--quiet)}
svg{max-width:100%;height:auto;font-family:system-ui,sans-serif}
.grid{stroke:var(--rule);fill:none}.tick{font-size:11px;fill:var(--quiet)}
.label,.figure{font-size:12px;fill:var(--text)}.on-shade{font-size:12px;fill:var(--on-shade)}
.line{fill:none;stroke-width:2}.ideal{fill:none;stroke:var(--quiet);stroke-dasharray:4 4}
.bar{fill:var(--quiet);fill-opacity:.35}.cell{fill:none;stroke:var(--rule)}.shade{fill:var(--shade)}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}.s4{stroke:var(--s4)}
.s5{stroke:var(--s5)}.mark{fill:var(--page);stroke-width:2}
.pictures th,.pictures td{padding:.2rem;text-align:left;border:0}.pictures th[scope=row]{font-weight:400;
overflow-wrap:anywhere;max-width:8rem}img{display:block;max-width:none}
dt{font-weight:600}dd{margin:0 0 .5rem}summary{cursor:pointer;padding:.2rem 0}
"""
