using System.CommandLine;

namespace Messaging.Cli;

/// <summary>The options of a load, the same for <c>load</c> and <c>chaos</c>.</summary>
internal sealed class LoadOptions(double standardRate)
{
    private readonly Option<Shown<double>> _rate = Arguments.Rate("--rate", "Requests a second, repetitions included; 0 is as fast as possible.", standardRate);
    private readonly Option<Shown<double>> _duplicates = Arguments.Share("--duplicates", "Share of the requests that repeat an earlier one.", 0.3, 0.95);
    private readonly Option<Shown<double>> _conflicts = Arguments.Share("--conflicts", "Share of the requests that send an accepted key with another payload; each must be answered 422.", 0.01, 0.5);
    private readonly Option<int> _concurrency = Arguments.Number("--concurrency", "Clients, each with one request in hand.", 32, 1, 4096);
    private readonly Option<int?> _seed = Arguments.OptionalNumber("--seed", "The same seed gives the same plan. Default: a new one, printed.", int.MinValue, int.MaxValue);
    private readonly Option<Shown<LoadOperations>> _operation = Arguments.Choice<LoadOperations>("--operation", "What to submit; of both, every fifth is a payment.", LoadOperations.Both);

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_rate, _duplicates, _conflicts, _concurrency, _operation, _seed])
        {
            command.Add(option);
        }
    }

    /// <summary>Everything but where to.</summary>
    public LoadSettings Read(ParseResult arguments)
    {
        var seed = arguments.GetValue(_seed) ?? Random.Shared.Next();
        return new LoadSettings
        {
            Urls = [],
            RatePerSecond = arguments.GetValue(_rate),
            Duplicates = arguments.GetValue(_duplicates),
            Conflicts = arguments.GetValue(_conflicts),
            Concurrency = arguments.GetValue(_concurrency),
            Operations = arguments.GetValue(_operation),
            Seed = seed,
            KeyPrefix = $"{seed}-{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds():x}-",
        };
    }
}
