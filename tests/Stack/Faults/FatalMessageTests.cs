using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A message whose handler kills its process, over and over.</summary>
public sealed class FatalMessageTests(SharedServers servers)
{
    private const int DeathsInCompany = 2;
    private const int DeathsAlone = 2;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Row15_a_message_that_kills_its_process_is_parked_and_its_neighbours_take_effect_once()
    {
        var settings = new Dictionary<string, string?> { ["Inbox__SoloAfterDeliveries"] = $"{DeathsInCompany}", ["Inbox__MaxFatalAttempts"] = $"{DeathsAlone}" };
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 0, settings);
        var journal = new Journal();
        await deployment.PublishAsync(journal, Enumerable.Range(1, 60).Select(i => Request.Order(i == 30 ? "fatal" : $"k{i}", i)));

        var deaths = 0;
        while (await DiesAsync(deployment, (ReceiveWay)(deaths % Enum.GetValues<ReceiveWay>().Length)))
        {
            deaths++;
            Assert.True(deaths <= DeathsInCompany + DeathsAlone, $"{deaths} processes have died of one message");
        }

        Assert.Equal(DeathsInCompany + DeathsAlone, deaths);
        Assert.Equal(["fatal"], await deployment.TextsAsync("SELECT idempotency_key FROM parked_messages WHERE reason = 'poison'"));
        Assert.Equal(1, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Equal(59, await deployment.CountAsync("SELECT count(*) FROM orders"));
        await Eventually.Equal(0L, () => deployment.CountAsync("SELECT count(*) FROM fatal_attempts"), Limit);
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    /// <summary>One life of a consumer: it ends by SIGKILL inside the handler of that message, or the queue is drained.</summary>
    private static async Task<bool> DiesAsync(Deployment deployment, ReceiveWay way)
    {
        await using var consumer = deployment.Start("Consumer", ("MESSAGING_CRASH_POINT", "C3=fatal"), ("Inbox__Way", $"{way}"));
        await Eventually.True(async () => consumer.HasExited || await deployment.CountAsync("SELECT count(*) FROM parked_messages") > 0, Limit);
        if (consumer.HasExited)
        {
            Assert.Equal(128 + 9, await consumer.WaitForExitAsync(Limit));
            return true;
        }

        await deployment.DrainedAsync(Limit);
        return false;
    }
}
