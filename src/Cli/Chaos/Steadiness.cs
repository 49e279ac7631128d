namespace Messaging.Cli;

/// <summary>Whether a deployment keeps up with its load.</summary>
internal static class Steadiness
{
    private const int Looks = 4;
    private const double Share = 0.9;

    /// <summary>Over the last few looks nearly the wanted rate was answered, and no more waits than came in the last second.</summary>
    /// <param name="samples">Since when it is asked.</param>
    /// <param name="rate">Wanted, a second; 0 is as fast as possible.</param>
    public static bool KeepsUp(IReadOnlyList<Sample> samples, double rate)
    {
        if (samples.Count < Looks)
        {
            return false;
        }

        var (first, last) = (samples[^Looks], samples[^1]);
        var answered = (last.Answered - first.Answered) / Math.Max(0.001, last.At - first.At);
        // Conflicts are answered too, but not 2xx.
        return answered >= Share * rate && answered > 0 && (last.Waiting ?? 0) <= Math.Max(20, answered);
    }
}
