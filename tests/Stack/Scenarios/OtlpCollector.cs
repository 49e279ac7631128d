using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Messaging.Services;

namespace Messaging.Stack;

/// <summary>A span as a service sent it. Ids in hex, as in <c>traceparent</c>.</summary>
internal sealed record Span(string Service, string Name, string TraceId, string SpanId, string ParentId);

/// <summary>Where OTEL_EXPORTER_OTLP_ENDPOINT may point: takes OTLP over HTTP and keeps the spans.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<Span> _spans = [];
    private volatile bool _isStopping;
    private readonly Task _receiving;

    public OtlpCollector()
    {
        Address = $"http://127.0.0.1:{FreePort.Next()}/";
        _listener.Prefixes.Add(Address);
        _listener.Start();
        _receiving = ReceiveAsync();
    }

    public string Address { get; }

    public IEnumerable<Span> Spans => _spans;

    public async ValueTask DisposeAsync()
    {
        // Said before it is done: the listener calls itself listening for a moment after it has cut off whoever waits.
        _isStopping = true;
        _listener.Stop();
        await _receiving;
        _listener.Close();
    }

    private async Task ReceiveAsync()
    {
        while (!_isStopping)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception exception) when (_isStopping && exception is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return; // Stopped.
            }

            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            if (context.Request.Url!.AbsolutePath == "/v1/traces")
            {
                Keep(body.ToArray());
            }

            context.Response.ContentType = "application/x-protobuf";
            context.Response.Close();
        }
    }

    /// <summary>The fields of opentelemetry/proto/collector/trace/v1 by their numbers.</summary>
    private void Keep(byte[] request)
    {
        foreach (var resourceSpans in Members(request, 1))
        {
            var service = Members(resourceSpans, 1).SelectMany(resource => Members(resource, 1))
                .Where(attribute => Text(attribute, 1) == "service.name")
                .Select(attribute => Text(Members(attribute, 2).Single(), 1)).Single();
            foreach (var span in Members(resourceSpans, 2).SelectMany(scope => Members(scope, 2)))
            {
                _spans.Enqueue(new Span(service, Text(span, 5), Hex(span, 1), Hex(span, 2), Hex(span, 4)));
            }
        }
    }

    private static string Text(ReadOnlyMemory<byte> message, int number) => Encoding.UTF8.GetString(Members(message, number).First().Span);

    private static string Hex(ReadOnlyMemory<byte> message, int number) => Convert.ToHexStringLower(Members(message, number).FirstOrDefault().Span);

    /// <summary>The length-delimited members of a protobuf message that have this number.</summary>
    private static List<ReadOnlyMemory<byte>> Members(ReadOnlyMemory<byte> message, int number)
    {
        var members = new List<ReadOnlyMemory<byte>>();
        while (!message.IsEmpty)
        {
            var tag = Varint(ref message);
            var length = (tag & 7) switch
            {
                0 => Varint(ref message) * 0,
                1 => sizeof(ulong),
                2 => Varint(ref message),
                5 => sizeof(uint),
                var type => throw new InvalidDataException($"Wire type {type} is not protobuf 3."),
            };
            if (tag >> 3 == number && (tag & 7) == 2)
            {
                members.Add(message[..length]);
            }

            message = message[length..];
        }

        return members;
    }

    private static int Varint(ref ReadOnlyMemory<byte> message)
    {
        var value = 0L;
        for (var shift = 0; ; shift += 7)
        {
            var part = message.Span[0];
            message = message[1..];
            value |= (long)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return (int)value;
            }
        }
    }
}
