using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;

namespace Messaging.Services;

/// <summary>One connection of the Chrome DevTools protocol: numbered calls, their answers, and the events in between.</summary>
internal sealed class DevTools : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonElement>> _calls = [];
    private readonly ConcurrentQueue<(string Name, JsonElement Parameters)> _events = [];
    private Task _reading = Task.CompletedTask;
    private int _last;

    private DevTools()
    {
    }

    public static async Task<DevTools> ConnectAsync(Uri address)
    {
        var connection = new DevTools();
        await connection._socket.ConnectAsync(address, TestContext.Current.CancellationToken);
        connection._reading = connection.ReadAsync();
        return connection;
    }

    public IEnumerable<JsonElement> Events(string name) => _events.Where(e => e.Name == name).Select(e => e.Parameters);

    public async Task<JsonElement> CallAsync(string method, object parameters)
    {
        var id = Interlocked.Increment(ref _last);
        var answer = _calls[id] = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params = parameters }), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        return await answer.Task.WaitAsync(Eventually.DefaultLimit, TimeProvider.System, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await _reading;
        _socket.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            while (true)
            {
                Dispatch(await ReadMessageAsync());
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
            // The browser, or this connection, has ended: whoever still waits for an answer is told.
            foreach (var call in _calls.Values)
            {
                call.TrySetException(exception);
            }
        }
    }

    private async Task<JsonElement> ReadMessageAsync()
    {
        using var message = new MemoryStream();
        var buffer = new byte[64 * 1024];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            message.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);

        return part.MessageType == WebSocketMessageType.Close
            ? throw new WebSocketException("The browser has closed the connection.")
            : JsonSerializer.Deserialize<JsonElement>(message.ToArray());
    }

    private void Dispatch(JsonElement message)
    {
        if (!message.TryGetProperty("id", out var id))
        {
            _events.Enqueue((message.GetProperty("method").GetString()!, message.GetProperty("params")));
        }
        else if (_calls.TryRemove(id.GetInt32(), out var call))
        {
            if (message.TryGetProperty("error", out var error))
            {
                call.TrySetException(new InvalidOperationException(error.ToString()));
            }
            else
            {
                call.TrySetResult(message.GetProperty("result"));
            }
        }
    }
}
