namespace Messaging.Stack;

/// <summary>
/// Throughput after a fault, as a share of that before it, both in races against the same deployment without faults: were that the faster one of
/// the two all along, it would not matter.
/// </summary>
internal sealed record Recovery(RaceSeries Before, RaceSeries After)
{
    /// <summary>Standard errors to either side of the ratio that hold the true one in 19 of 20 series.</summary>
    private const double Errors = 2;

    public double Ratio => Math.Exp(After.Mean - Before.Mean);

    private double Error => Errors * Math.Sqrt(Before.Variance + After.Variance);

    /// <summary>Whether the true ratio is on one side of the floor, whichever that is: further races would hardly move it across.</summary>
    public bool Decides(double floor) => Math.Abs(After.Mean - Before.Mean - Math.Log(floor)) > Error;

    public override string ToString() => $"{Ratio:P1} ± {Error:P1}";
}
