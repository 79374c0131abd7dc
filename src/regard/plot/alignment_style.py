"""The style of an alignment map; every rule stays inside ``.regard``.

A map scrolls inside its own frame with its labels held in view, so that the page never
scrolls sideways. The frame's inner box clips the long thin bands that join a cell to
its labels: they would otherwise make the frame scroll for ever.
"""

MAP = """
.regard h2[dir]{display:block}
.regard .from{margin:.25rem 0}
.regard .map{--cell:1.5rem;overflow:auto;max-height:85vh;margin:1rem 0 .75rem;
scroll-padding:10rem 2rem 2rem 8rem}
.regard .map.small{--cell:1.25rem}
.regard .map:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.regard .map>div{overflow:clip;width:max-content;padding-inline-end:1.25rem}
.regard .map table{border-collapse:separate;border-spacing:0;width:auto;margin:0;
font-size:.8125rem;line-height:1.15}
.regard .map th,.regard .map td{padding:0;font-weight:400;
border-bottom:1px solid var(--line);border-right:1px solid var(--line)}
.regard .map th{white-space:nowrap;color:var(--ink)}
.regard .map tbody td{position:relative;width:var(--cell);min-width:var(--cell);
height:var(--cell);-webkit-print-color-adjust:exact;print-color-adjust:exact}
.regard .map thead>tr>*{position:sticky;top:0;z-index:3;background:var(--paper);
text-align:center;vertical-align:bottom;padding:.3rem 0;border-right-color:transparent}
.regard .map .turned bdi{writing-mode:vertical-rl;display:inline-block;
vertical-align:bottom}
.regard .map tbody th{position:sticky;left:0;z-index:3;background:var(--paper);
text-align:right;padding-inline:.15rem .45rem;max-width:9rem;overflow:hidden;
text-overflow:ellipsis}
.regard .map thead>tr>td:first-child{left:0;z-index:4}
.regard .map .top{background-image:radial-gradient(circle,
currentColor calc(.1*var(--cell)),transparent calc(.13*var(--cell)))}
.regard .map tbody tr:hover th{font-weight:700}
.regard .map td[data-w]:hover{outline:1px solid var(--ink)}
.regard .map td[data-w]:hover::before{content:"";position:absolute;
inset:-999rem 0 0;border-inline:1px solid var(--soft);pointer-events:none}
.regard .map td:focus-visible{outline:2px solid var(--link)}
.regard .map td[data-w]:hover::after,.regard .map td:focus::after{
content:attr(data-w);position:absolute;bottom:calc(100% + .15rem);left:50%;
transform:translateX(-50%);z-index:5;padding:.1rem .4rem;border-radius:.3rem;
background:var(--ink);color:var(--paper);font:600 .75rem/1.4 system-ui,sans-serif;
font-variant-numeric:tabular-nums;white-space:nowrap;pointer-events:none}
.regard .pairs{table-layout:fixed}
.regard .pairs .number{width:22%}
@media print{.regard .map{overflow:visible;max-height:none}
.regard .map>div{padding:0}.regard .map.wide{--cell:.6rem}
.regard .map.wide table{font-size:.5rem}}
""".lstrip()

# On a page of its own a map may be as wide as the window; words stay in a column.
WIDE = """
main.regard{max-width:90rem}
main.regard>header,main.regard>nav{max-width:46rem;margin-inline:auto}
main.regard>article{width:fit-content;min-width:min(46rem,100%);max-width:100%;
margin-inline:auto}
""".lstrip()
