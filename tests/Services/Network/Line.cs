using System.Diagnostics;

namespace Messaging.Services;

/// <summary>One direction of a line that carries so many bytes a second: whoever sends waits until what was sent before is through.</summary>
internal sealed class Line
{
    private readonly Lock _lock = new();
    private long _freeAt;

    /// <summary>How long it takes until these bytes are through; no time on a line without a limit.</summary>
    public TimeSpan Take(int bytes, int bytesPerSecond)
    {
        if (bytesPerSecond <= 0)
        {
            return TimeSpan.Zero;
        }

        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            _freeAt = Math.Max(now, _freeAt) + (bytes * Stopwatch.Frequency / bytesPerSecond);
            return Stopwatch.GetElapsedTime(now, _freeAt);
        }
    }
}
