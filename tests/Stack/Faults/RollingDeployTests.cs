using System.Text;
using System.Text.Json;
using Messaging.Contracts;
using Messaging.Services;
using Messaging.Transactional;

namespace Messaging.Stack;

/// <summary>
/// Processes are replaced one after the other while messages of three ages carry the same keys: the bare payload that the first
/// producers sent, what the publisher sends now, and a contract of the future with members that nobody here knows.
/// </summary>
public sealed class RollingDeployTests(SharedServers servers)
{
    private const int Replacements = 4;
    private const int WaveSize = 30;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact(Explicit = true)]
    public async Task Row18_a_rolling_deploy_between_contract_versions_loses_and_doubles_nothing()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync());
        var journal = new Journal();
        var caller = new Caller(deployment.Publisher.Http, journal);
        var deploying = DeployAsync(deployment);
        var keys = 0;
        while (!deploying.IsCompleted)
        {
            var wave = Enumerable.Range(keys + 1, WaveSize).Select(i => Request.Order($"k{i}", i)).ToList();
            await Task.WhenAll(
                deployment.PublishAsync("orders", wave.Select(Oldest)),
                caller.SubmitAsync(wave),
                deployment.PublishAsync("orders", wave.Select(Newest), MassTransitEnvelope.ContentType));
            // Not faster than it is worked off, but always with a wave in the queues.
            var before = keys;
            await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") >= before, Limit);
            keys += WaveSize;
        }

        await deploying;
        await Eventually.Equal((long)keys, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        TestContext.Current.TestOutputHelper?.WriteLine($"{keys} keys, three messages each, {Replacements} consumers and 1 publisher replaced");
        Assert.Equal(keys, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    private static async Task DeployAsync(Deployment deployment)
    {
        for (var i = 0; i < Replacements; i++)
        {
            // Each meets work: something has taken effect since the last replacement.
            var before = await deployment.CountAsync("SELECT count(*) FROM inbox");
            await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") > before, Limit);
            await ReplaceAsync(deployment.Consumers[i % 2]);
            if (i == 1)
            {
                await ReplaceAsync(deployment.Publisher);
            }
        }
    }

    private static async Task ReplaceAsync(ServiceProcess service)
    {
        Assert.Equal(0, await service.TerminateAsync());
        await service.StartAgainAsync();
        await service.WaitUntilReadyAsync();
    }

    private static (byte[], Dictionary<string, object?>, string?) Oldest(Request request) =>
        (Encoding.UTF8.GetBytes(request.Json), new() { ["Idempotency-Key"] = request.Key, ["client-id"] = "anonymous" }, null);

    private static (byte[], Dictionary<string, object?>, string?) Newest(Request request)
    {
        var fingerprint = Fingerprint.Of(SubmitOrder.Operation, Encoding.UTF8.GetBytes(request.Json));
        var now = TimeProvider.System.GetUtcNow();
        var order = new SubmitOrder("anonymous", request.Key, Guid.CreateVersion7(), fingerprint.Hex, now, $"item {request.Number}", request.Number);
        var message = new OutgoingMessage
        {
            Id = order.OrderId,
            Destination = Destination.Queue(SubmitOrder.Queue),
            MessageType = "urn:message:Messaging.Contracts:SubmitOrder",
            Body = WithUnknown(JsonSerializer.SerializeToUtf8Bytes(order, JsonSerializerOptions.Web)),
            Client = order.Client,
            IdempotencyKey = order.IdempotencyKey,
            Fingerprint = fingerprint,
            AcceptedAtMs = now.ToUnixTimeMilliseconds(),
        };
        var headers = MassTransitEnvelope.Identity(message).ToDictionary(h => h.Name, h => (object?)h.Value);
        headers["contract-version"] = 2;
        return (WithUnknown(MassTransitEnvelope.Write(message)), headers, message.Id.ToString());
    }

    private static byte[] WithUnknown(byte[] json) => [.. """{"priority":{"level":1,"why":["new"]},"""u8, .. json[1..]];
}
