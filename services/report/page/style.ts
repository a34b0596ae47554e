// The style sheet of report.html, inlined because the page must stand alone: system fonts, calm colours, paper and
// small screens.

export const STYLE = `
:root{--bg:#fff;--fg:#1a1d21;--dim:#5a6470;--line:#d5dae0;--soft:#f4f6f8;--stop:#8f1d14;--stopbg:#fdf1ef;--lost:#a3231a;--rest:#1d5f9e;
--fine:#2d6a3a;--va:#b3382c;--da:#e19a32;--ad:#9fb4c8;--ch:#5d7890;--win:#fbeedd;--warn:#7a4b00;--warnbg:#fff6e3}
@media screen and (prefers-color-scheme:dark){:root{--bg:#15181c;--fg:#e4e7ea;--dim:#9aa5b1;--line:#353c45;--soft:#1e2328;--stop:#ff9d92;
--stopbg:#351a17;--lost:#ff8d80;--rest:#83bdf2;--fine:#86cf95;--va:#dc5f52;--da:#e8ae55;--ad:#5f7488;--ch:#8fa9c0;--win:#33291a;--warn:#f0c878;--warnbg:#332a16}}
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:24px 20px 64px;max-width:1000px;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 4px}
h2{font-size:1.15rem;margin:40px 0 8px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:24px 0 6px}
p{margin:6px 0}
.dim,figcaption,.meta{color:var(--dim)}
.small,figcaption{font-size:.875rem}
.name,code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.875em}
.name{white-space:pre-wrap;overflow-wrap:anywhere}
.sp{color:var(--dim)}
pre{margin:4px 0 10px;padding:8px 12px;background:var(--soft);border:1px solid var(--line);border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
.stop{margin:18px 0;padding:14px 18px 10px;border:2px solid var(--stop);border-radius:6px;background:var(--stopbg)}
.stop h2{margin:0 0 4px;padding:0;border:0;color:var(--stop);font-size:1.2rem}
.stop pre{background:var(--bg)}
.warn{margin:18px 0;padding:10px 18px;border-left:4px solid var(--warn);background:var(--warnbg);color:var(--fg)}
.warn b{color:var(--warn)}
.three{display:grid;grid-template-columns:repeat(3,1fr);gap:12px;margin:18px 0 8px}
.three>div{padding:12px 16px;border:1px solid var(--line);border-radius:6px;border-top-width:5px}
.three .v{display:block;font-size:2.1rem;line-height:1.15;font-weight:650;font-variant-numeric:tabular-nums}
.three .k{display:block;font-weight:600}
.three .d{display:block;color:var(--dim);font-size:.875rem}
.lost{border-top-color:var(--lost)!important}.lost .v{color:var(--lost)}
.rest{border-top-color:var(--rest)!important}.rest .v{color:var(--rest)}
.fine{border-top-color:var(--fine)!important}.fine .v{color:var(--fine)}
.zero .v{color:var(--dim)}
ul,ol{margin:6px 0;padding-left:1.3em}li{margin:3px 0}
ol.steps{padding-left:1.5em}ol.steps li::marker{font-weight:650}
figure{margin:12px 0}
svg{display:block;max-width:100%;height:auto}
svg text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--dim)}
svg .ct{fill:var(--fg);font-weight:600;text-anchor:middle}svg .tx{text-anchor:middle}svg .wl{fill:var(--warn)}
.va{fill:var(--va)}.da{fill:var(--da)}.ad{fill:var(--ad)}.ch{fill:var(--ch)}.win{fill:var(--win)}.bu{fill:var(--va)}
.grid{stroke:var(--line);stroke-width:1;stroke-dasharray:2 3}.base,.tick{stroke:var(--dim);stroke-width:1}
.key{display:inline-block;width:.8em;height:.8em;margin-right:.35em;border-radius:2px;vertical-align:-.05em}
.key.va{background:var(--va)}.key.da{background:var(--da)}.key.ad{background:var(--ad)}.key.ch{background:var(--ch)}.key.win{background:var(--win);outline:1px solid var(--line)}
.legend span{white-space:nowrap;margin-right:1.1em}
.narrow{display:none}
table{border-collapse:collapse;width:100%;margin:8px 0 4px;font-size:.9375rem}
th{text-align:left;font-weight:600;color:var(--dim);font-size:.8125rem;vertical-align:bottom}
th,td{padding:5px 10px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
tfoot td{font-weight:650;border-bottom:0;border-top:2px solid var(--fg)}
.bar{display:block;height:6px;margin-top:5px;background:var(--va);border-radius:2px;min-width:2px}
.groups{display:grid;grid-template-columns:1.3fr 1fr;gap:0 36px}.groups>div:first-child{grid-row:span 2}
table.list .meta{font-size:.875rem}
table.sums td:first-child{width:48%}
table.paths td{padding-top:2px;padding-bottom:2px}
table.paths .meta,.sub td{font-size:.875rem}
.sub td{padding-top:12px!important;color:var(--fg);background:none;border-bottom:1px solid var(--dim)}
.sub{break-after:avoid}
code{white-space:nowrap}pre code{white-space:inherit}.w{white-space:nowrap}
@media screen and (max-width:640px){
body{padding:16px 14px 48px}
.three{grid-template-columns:1fr;gap:8px}.three>div{padding:8px 14px}
.groups{display:block}
.wide{display:none}.narrow{display:block}
table.list thead{display:none}
table.list,table.list tbody,table.list tr,table.list td{display:block;width:100%!important}
table.list tr{border-bottom:1px solid var(--line);padding:6px 0}
table.list td{border:0;padding:0}
table.list td.n,table.lists td:not(:first-child){display:inline;padding-right:.8em;text-align:left}
table.list td[data-l]::before{content:attr(data-l) " ";color:var(--dim)}
.hide{display:none}
}
@page{size:A4;margin:16mm 15mm}
@media print{
html{font-size:9.5pt}
body{padding:0;max-width:none;font-size:1rem;line-height:1.4;-webkit-print-color-adjust:exact;print-color-adjust:exact}
h1{font-size:16pt}h2{margin-top:18px;break-after:avoid}h3{break-after:avoid}
.stop,.warn,.three,figure,pre,tr,ol.steps li{break-inside:avoid}
.groups{display:block}section>p{orphans:3;widows:3}
thead{display:table-header-group}tfoot{display:table-row-group}
.three .v{font-size:20pt}
table{font-size:.9rem}th,td{padding:2.5px 10px 2.5px 0}.stop,.three>div{padding:8px 14px}
}
`;
