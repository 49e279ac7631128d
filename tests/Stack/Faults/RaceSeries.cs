namespace Messaging.Stack;

/// <summary>
/// Races between two deployments, each the ratio of what they had done. A ratio and its inverse count alike, so what is averaged is its logarithm.
/// </summary>
internal sealed class RaceSeries(IReadOnlyList<double> ratios)
{
    /// <summary>Standard errors to either side of the mean that hold the true ratio in 19 of 20 series.</summary>
    private const double Errors = 2;

    private readonly double[] _logarithms = [.. ratios.Select(ratio => Math.Log(ratio))];

    public int Count => ratios.Count;

    public double Mean => Math.Exp(_logarithms.Average());

    private double Error => Math.Sqrt(_logarithms.Sum(l => Math.Pow(l - _logarithms.Average(), 2)) / (Count - 1) / Count);

    public RaceSeries With(double ratio) => new([.. ratios, ratio]);

    /// <summary>Whether the true ratio is on one side of the floor, whichever that is: further races would hardly move it across.</summary>
    public bool Decides(double floor) => Math.Abs(_logarithms.Average() - Math.Log(floor)) > Errors * Error;

    public override string ToString() => $"{Mean:P1} ± {Errors * Error:P1} in {Count} races ({string.Join(' ', ratios.Select(r => $"{r:0.00}"))})";
}
