namespace Messaging.Cli;

/// <summary>The look of the page, light and dark.</summary>
internal static class ReportStyle
{
    public const string Css = """

        :root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --ink: #1b1f24; --soft: #667080; --line: #e2e5ea;
          --good: #1a7f4b; --bad: #c62f35; --unsure: #a06a00; --answers: #2f6fde; --effects: #1a9e6b; --waiting: #d08700; --fault: #c62f35; }
        @media (prefers-color-scheme: dark) { :root { --page: #14171c; --card: #1d2128; --ink: #e7eaee; --soft: #98a2b0; --line: #333943;
          --good: #48c78a; --bad: #ff7077; --unsure: #e3b04b; --answers: #74a5ff; --effects: #4fd0a0; --waiting: #f0b445; --fault: #ff7077; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
        main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 40px; }
        header { background: var(--card); border: 1px solid var(--line); border-left: 6px solid var(--mark); border-radius: 10px; padding: 18px 24px; }
        header.good { --mark: var(--good); } header.bad { --mark: var(--bad); } header.unsure { --mark: var(--unsure); }
        header p { margin: 4px 0 0; color: var(--soft); } header p.mark { margin: 0; color: var(--mark); font-weight: 650; letter-spacing: .02em; }
        h1 { margin: 2px 0; font-size: 27px; line-height: 1.25; font-weight: 650; } h2 { margin: 0 0 12px; font-size: 16px; font-weight: 650; }
        .reasons { margin: 10px 0 0; padding-left: 20px; color: var(--mark); }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 16px 0; }
        .tiles div, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
        .tiles div { padding: 12px 16px; } .tiles b { display: block; font-size: 23px; font-weight: 650; font-variant-numeric: tabular-nums; } .tiles span { color: var(--soft); font-size: 13px; }
        section { padding: 18px 24px; margin: 0 0 16px; min-width: 0; }
        .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px; } .columns section { margin: 0; }
        table { border-collapse: collapse; width: 100%; } td, th { padding: 6px 12px 6px 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
        tr:first-child > * { border-top: 0; } .wide th, .wide td.name, .columns td:first-child { white-space: nowrap; } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .n.soft { white-space: normal; } .soft { color: var(--soft); }
        .state { font-weight: 600; white-space: nowrap; } .state.good { color: var(--good); } .state.bad { color: var(--bad); } .state.unsure { color: var(--unsure); }
        .keys, code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 13px; } .keys { color: var(--bad); }
        footer { margin-top: 18px; color: var(--soft); font-size: 13px; }
        .plot { overflow-x: auto; } svg { display: block; width: 100%; min-width: 720px; height: auto; } svg text { fill: var(--soft); font-size: 12px; } svg text.name { fill: var(--ink); }
        .grid { stroke: var(--line); stroke-width: 1; } .phase { fill: var(--effects); fill-opacity: .1; } .band { fill: var(--fault); fill-opacity: .07; } .fault { fill: var(--fault); fill-opacity: .75; }
        .failed { fill: none; stroke: var(--fault); stroke-width: 1.5; }
        .answers { stroke: var(--answers); } .effects { stroke: var(--effects); } .waiting { stroke: var(--waiting); fill: var(--waiting); fill-opacity: .18; }
        .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; } .key { stroke-width: 3; }

        """;
}
