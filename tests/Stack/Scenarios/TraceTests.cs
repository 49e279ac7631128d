using System.Net;
using System.Text;
using Messaging.Consumer;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>What an operator sees of one message over the processes it goes through.</summary>
public sealed class TraceTests(SharedServers servers)
{
    private const string CallersTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string CallersSpan = "00f067aa0ba902b7";
    private const string None = "none";

    [Theory]
    [InlineData(ReceiveWay.Direct)]
    [InlineData(ReceiveWay.ReceivePipe)]
    [InlineData(ReceiveWay.ConsumePipe)]
    public async Task One_trace_goes_from_the_request_through_the_message_to_the_handler_and_on(ReceiveWay way)
    {
        await using var collector = new OtlpCollector();
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1, new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
        }, way);
        await deployment.SubscribeAsync("listener");

        using var submission = new HttpRequestMessage(HttpMethod.Post, "api/orders")
        {
            Content = new StringContent("""{"item":"book","quantity":1}""", Encoding.UTF8, "application/json"),
            Headers = { { "Idempotency-Key", "traced" }, { "traceparent", $"00-{CallersTrace}-{CallersSpan}-01" } },
        };
        using var answer = await deployment.Publisher.Http.SendAsync(submission, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);

        var request = await FindAsync(collector, "Messaging.Publisher");
        var handler = await FindAsync(collector, "Messaging.Consumer");
        Assert.Equal((CallersTrace, CallersSpan), (request.TraceId, request.ParentId));
        Assert.Equal((CallersTrace, request.SpanId, "submit-order process"), (handler.TraceId, handler.ParentId, handler.Name));
        Assert.Equal($"00-{CallersTrace}-{handler.SpanId}-01", await Eventually.Satisfies(() => TraceOfEventAsync(deployment), trace => trace != ""));
    }

    /// <summary>Nothing is recorded then; what a caller began goes on all the same, and nobody is told of a trace that there is not.</summary>
    [Theory]
    [InlineData($"00-{CallersTrace}-{CallersSpan}-01")]
    [InlineData(null)]
    public async Task Without_a_collector_a_callers_trace_is_passed_on(string? callersTrace)
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1);
        await deployment.SubscribeAsync("listener");

        using var submission = new HttpRequestMessage(HttpMethod.Post, "api/orders")
        {
            Content = new StringContent("""{"item":"book","quantity":1}""", Encoding.UTF8, "application/json"),
            Headers = { { "Idempotency-Key", "passed-on" } },
        };
        submission.Headers.TryAddWithoutValidation("traceparent", callersTrace ?? "");
        using var answer = await deployment.Publisher.Http.SendAsync(submission, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);

        var passedOn = await Eventually.Satisfies(() => TraceOfEventAsync(deployment), trace => trace != "");
        Assert.Equal(callersTrace is null ? None : CallersTrace + "-01", passedOn == None ? None : $"{passedOn.Split('-')[1]}-{passedOn.Split('-')[3]}");
    }

    [Fact]
    public async Task The_consumer_serves_its_metrics_to_Prometheus()
    {
        await using var deployment = await Deployment.StartAsync(await servers.RabbitMqAsync(), await servers.PostgresAsync(), consumers: 1);
        using var answer = await deployment.SubmitAsync("api/orders", "measured", """{"item":"book","quantity":1}""");
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        await Eventually.Satisfies(
            () => deployment.Consumers[0].Http.GetStringAsync(new Uri("metrics", UriKind.Relative), TestContext.Current.CancellationToken),
            metrics => metrics.Split('\n').Any(line => line.StartsWith("messaging_inbox_deliveries_total{", StringComparison.Ordinal) && line.Contains("operation=\"submit-order\"", StringComparison.Ordinal)));
    }

    private static async Task<Span> FindAsync(OtlpCollector collector, string service)
    {
        await Eventually.True(() => collector.Spans.Any(span => span.Service == service));
        return collector.Spans.First(span => span.Service == service);
    }

    /// <summary>What the handler's event tells the next service; empty while the event is on its way.</summary>
    private static async Task<string> TraceOfEventAsync(Deployment deployment)
    {
        await using var connection = await deployment.Host.ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        var message = await channel.BasicGetAsync("listener", autoAck: true, TestContext.Current.CancellationToken);
        return message is null ? "" : message.BasicProperties.Headers!.TryGetValue("traceparent", out var trace) ? Encoding.UTF8.GetString((byte[])trace!) : None;
    }
}
