namespace Messaging.Throughput;

/// <param name="Rounds">Every contender runs once in each.</param>
/// <param name="Messages">Deliveries of a consume run.</param>
/// <param name="InboxRows">Keys that the large inbox remembers.</param>
/// <param name="Backlog">Messages before the consumers whose memory is watched.</param>
/// <param name="Only">Parts of names; none given: all.</param>
/// <param name="Quick">Tiny numbers, of which none is judged.</param>
/// <param name="Output">The file for the table.</param>
internal sealed record SessionOptions(int Rounds, int Messages, int InboxRows, int Backlog, IReadOnlyList<string> Only, bool Quick, string? Output)
{
    private const int LeastRounds = 3;

    /// <summary>Null when the ratios are judged.</summary>
    public string? WhyNotJudged => Quick ? "a quick session says nothing of speed"
        : Rounds < LeastRounds ? $"a median needs {LeastRounds} rounds" : null;

    public bool Includes(string kind, string contender) =>
        Only.Count == 0 || Only.Any(part => kind == part || contender.Contains(part, StringComparison.OrdinalIgnoreCase));
}
