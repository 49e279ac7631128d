using CsCheck;

namespace Messaging.Database;

internal enum Act
{
    /// <summary>A client submits; now and then under a key that stands for another payload.</summary>
    Submit,

    /// <summary>A foreign producer sends a message; now and then under a key of the publisher's clients.</summary>
    Send,

    /// <summary>The broker hands out any one of the messages it holds: early, late, in any order.</summary>
    Deliver,

    /// <summary>It hands the message out twice at the same time.</summary>
    DeliverTwice,

    /// <summary>It hands out once more any message it ever held.</summary>
    Redeliver,

    /// <summary>It loses a message that it had confirmed.</summary>
    Lose,

    /// <summary>Everything committed is taken to the broker, also what a dead process had leased.</summary>
    Dispatch,

    TimePasses,

    Purge,

    Reconcile,

    /// <summary>The process is restarted, and will die at one of its crash points.</summary>
    Crash,
}

/// <summary>One thing that happens. What <c>Key</c> and <c>Pick</c> choose depends on the act.</summary>
internal readonly record struct Step(Act Act, int Key, int Pick)
{
    public static readonly Gen<Step> Any = Gen.Select(
        Gen.Frequency(
            (300, Act.Submit), (60, Act.Send), (330, Act.Deliver), (50, Act.DeliverTwice), (120, Act.Redeliver), (25, Act.Lose),
            (6, Act.Dispatch), (5, Act.TimePasses), (6, Act.Purge), (4, Act.Reconcile), (2, Act.Crash)),
        Gen.Int[0, 999], Gen.Int[0, 999_999], (act, key, pick) => new Step(act, key, pick));

    public override string ToString() => $"{Act}({Key},{Pick})";
}
