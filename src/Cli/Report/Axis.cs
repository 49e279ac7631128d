namespace Messaging.Cli;

/// <summary>From values to places in a plot.</summary>
internal readonly record struct Axis(double Low, double High, double Start, double End)
{
    private static readonly double[] Steps = [1, 2, 5, 10];
    private static readonly double[] Clock = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];

    public static Axis UpTo(IEnumerable<(double At, double Value)> points, double start, double end) =>
        new(0, Math.Max(1, points.Select(p => p.Value).DefaultIfEmpty(1).Max() * 1.08), start, end);

    public double At(double value) => Start + ((value - Low) / (High - Low) * (End - Start));

    /// <summary>About so many round values; of a time axis, whole minutes and the like.</summary>
    public IEnumerable<double> Ticks(int count)
    {
        var wanted = (High - Low) / count;
        var power = Math.Pow(10, Math.Floor(Math.Log10(wanted)));
        var isTime = End > Start && Low == 0;
        var step = isTime ? Clock.FirstOrDefault(c => c >= wanted, Clock[^1]) : Steps.Select(s => s * power).First(s => s >= wanted);
        for (var value = Low; value <= High; value += step)
        {
            yield return value;
        }
    }
}
