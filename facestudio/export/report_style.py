"""How the report looks: light or dark with the reader's system, readable on paper and on a phone."""

STYLE = """
:root { --page:#f6f5f2; --card:#fff; --ink:#1d2126; --soft:#5d646d; --line:#dedcd6; --accent:#0b6e6b;
  --measured:#0f8a80; --mirrored:#d59a2c; --inferred:#a9a49b; }
@media (prefers-color-scheme: dark) { :root { --page:#16181b; --card:#1f2226; --ink:#eceae6; --soft:#a2a8b0; --line:#34383e;
  --accent:#58c7bd; --measured:#35b3a6; --mirrored:#e0ae51; --inferred:#6f737a; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--page); color:var(--ink); font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif; }
main { max-width:1080px; margin:0 auto; padding:2.5rem 1.25rem 4rem; }
header { margin-bottom:1.5rem; }
.brand { margin:0; color:var(--accent); font-weight:600; letter-spacing:.04em; }
h1 { margin:.1rem 0; font-size:2.2rem; line-height:1.2; overflow-wrap:anywhere; }
h2 { margin:0 0 .9rem; font-size:1.2rem; }
h3 { margin:1rem 0 .2rem; font-size:1rem; }
.lead, .hint { color:var(--soft); margin:.2rem 0 0; }
.hint { font-size:.9rem; margin-top:.7rem; }
section { background:var(--card); border:1px solid var(--line); border-radius:14px; padding:1.25rem 1.4rem; margin-top:1.1rem; }
.words > ul:first-child { list-style:none; margin:0; padding:0; font-size:1.08rem; }
.words > ul:first-child li:first-child { font-size:1.3rem; font-weight:600; line-height:1.4; margin-bottom:.4rem; }
.words li { margin:.2rem 0; }
.grid { display:grid; gap:.9rem; }
.photos { grid-template-columns:repeat(auto-fit,minmax(220px,1fr)); }
.six { grid-template-columns:repeat(auto-fill,minmax(200px,1fr)); }
@media (min-width:760px) { .six { grid-template-columns:repeat(3,1fr); } }
figure { margin:0; }
img { display:block; width:100%; height:auto; border-radius:9px; background:#2a2d31; }
img + img { margin-top:.5rem; }
.photos figure { width:100%; max-width:420px; justify-self:center; }
.photos img { aspect-ratio:4/5; object-fit:cover; }
figcaption { color:var(--soft); font-size:.9rem; margin-top:.35rem; text-align:center; }
figcaption::first-letter { text-transform:uppercase; }
.bar { display:flex; height:1.1rem; border-radius:.55rem; overflow:hidden; background:var(--line); }
.measured { background:var(--measured); } .mirrored { background:var(--mirrored); } .inferred { background:var(--inferred); }
.key { display:flex; flex-wrap:wrap; gap:.4rem 1.4rem; list-style:none; padding:0; margin:.7rem 0 0; }
.key i { display:inline-block; width:.8rem; height:.8rem; border-radius:3px; margin-right:.45rem; }
.scroll { overflow-x:auto; }
.scroll + .scroll { margin-top:1.1rem; }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; font-size:.95rem; }
th, td { text-align:left; padding:.4rem .8rem .4rem 0; border-bottom:1px solid var(--line); vertical-align:top; }
thead th { color:var(--soft); font-weight:500; } tbody th { font-weight:500; } tbody tr:last-child > * { border-bottom:0; }
@media print { body { background:#fff; } section { break-inside:avoid; } }
"""
