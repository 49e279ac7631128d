namespace Messaging.Stack;

/// <summary>
/// Races between two deployments, each the ratio of what they had done. A ratio and its inverse count alike, so what is averaged is its logarithm.
/// </summary>
internal sealed class RaceSeries(IReadOnlyList<double> ratios)
{
    private readonly double[] _logarithms = [.. ratios.Select(ratio => Math.Log(ratio))];

    public int Count => ratios.Count;

    /// <summary>Of the logarithms.</summary>
    public double Mean => _logarithms.Average();

    /// <summary>Of <see cref="Mean"/>: standard, squared.</summary>
    public double Variance => _logarithms.Sum(l => Math.Pow(l - Mean, 2)) / (Count - 1) / Count;

    public RaceSeries With(double ratio) => new([.. ratios, ratio]);

    public override string ToString() => $"{Math.Exp(Mean):P1} in {Count} races ({string.Join(' ', ratios.Select(r => $"{r:0.00}"))})";
}
