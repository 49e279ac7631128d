using Messaging.Cli;

namespace Messaging.Unit;

public sealed class StormEndTests
{
    /// <summary>What is missing counts as lost, unless something that was not healed may still have it.</summary>
    [Theory]
    [InlineData(false, true, "9 keys, 8 effects, 1 lost, 0 doubled"), InlineData(false, false, "9 keys, 8 effects, 1 lost, 0 doubled")]
    [InlineData(true, true, "9 keys, 8 effects, 1 lost, 0 doubled"), InlineData(true, false, "9 keys, 8 effects, 0 doubled, not healed")]
    public void Nothing_is_called_lost_that_may_be_on_its_way(bool unhealed, bool drained, string expected)
    {
        var audit = new AuditReport { Keys = 9, Effects = 8, Lost = 1, Doubled = 0, Parked = 0, Outgoing = 0, Queues = [], Uncompared = [], Invariants = [] };

        Assert.Equal(expected, new StormEnd(audit, null, null, unhealed ? ["consumer-1 is dead"] : [], drained, IsInterrupted: false).Summary);
    }
}
