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
    private const int WaveSize = 30;
    private const int WavesPerReplacement = 10;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Row18_a_rolling_deploy_between_contract_versions_loses_and_doubles_nothing()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync());
        var journal = new Journal();
        var (first, second) = (deployment.Consumers[0], deployment.Consumers[1]);
        ServiceProcess[] replaced = [first, second, deployment.Publisher, first, second];
        var keys = 0;
        foreach (var service in replaced)
        {
            // So many waves and no more: a load without end would take the processor from the process that starts.
            var replacing = ReplaceAtWorkAsync(deployment, service);
            for (var wave = 0; wave < WavesPerReplacement; wave++)
            {
                await SubmitWaveAsync(deployment, journal, keys);
                keys += WaveSize;
            }

            await replacing;
        }

        await Eventually.Equal((long)keys, () => deployment.CountAsync("SELECT count(*) FROM inbox"), Limit);
        await deployment.DrainedAsync(Limit);
        TestContext.Current.TestOutputHelper?.WriteLine($"{keys} keys, three messages each, {replaced.Length} processes replaced");
        Assert.Equal(keys, await deployment.CountAsync("SELECT count(*) FROM orders"));
        Assert.Equal(0, await deployment.CountAsync("SELECT count(*) FROM parked_messages"));
        Assert.Empty(await deployment.JudgeAsync(journal));
    }

    /// <summary>Not faster than it is worked off, but always with a wave in the queues.</summary>
    private static async Task SubmitWaveAsync(Deployment deployment, Journal journal, int before)
    {
        var wave = Enumerable.Range(before + 1, WaveSize).Select(i => Request.Order($"k{i}", i)).ToList();
        await Task.WhenAll(
            deployment.PublishAsync("orders", wave.Select(Oldest)),
            new Caller(deployment.Publisher.Http, journal).SubmitAsync(wave),
            deployment.PublishAsync("orders", wave.Select(Newest), MassTransitEnvelope.ContentType));
        await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") >= before, Limit);
    }

    /// <summary>Something has taken effect since the last replacement, and more is on its way.</summary>
    private static async Task ReplaceAtWorkAsync(Deployment deployment, ServiceProcess service)
    {
        var before = await deployment.CountAsync("SELECT count(*) FROM inbox");
        await Eventually.True(async () => await deployment.CountAsync("SELECT count(*) FROM inbox") > before, Limit);
        await ReplaceAsync(service);
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
