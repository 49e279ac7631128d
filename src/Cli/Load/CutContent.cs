using System.Net;

namespace Messaging.Cli;

/// <summary>A body that breaks off in the middle, and its connection with it.</summary>
internal sealed class CutContent : HttpContent
{
    private readonly byte[] _body;

    public CutContent(byte[] body)
    {
        _body = body;
        Headers.ContentType = new("application/json");
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.WriteAsync(_body.AsMemory(0, _body.Length / 2));
        await stream.FlushAsync();
        throw new IOException("Cut on purpose.");
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _body.Length;
        return true;
    }
}
