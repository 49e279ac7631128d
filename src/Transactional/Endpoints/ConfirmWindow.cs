namespace Messaging.Transactional;

/// <summary>The messages of one window, published under consecutive tags, and the broker's answers to them as far as they are there.</summary>
internal sealed class ConfirmWindow(ulong firstTag, IReadOnlyList<OutgoingMessage> messages)
{
    private readonly TaskCompletionSource<SendResult[]> _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SendResult[] _results = new SendResult[messages.Count];
    private readonly bool[] _isAnswered = new bool[messages.Count];
    private readonly ExecutionContext? _flow = CrashPoint.Flow;
    private int _firstOpen;
    private int _nextReturned;
    private int _open = messages.Count;

    /// <summary>Completes when every message has its answer.</summary>
    public Task<SendResult[]> Answered => _answered.Task;

    public bool IsComplete => _open == 0;

    /// <summary>The answers that are there.</summary>
    public SendResult[] Results => _results;

    /// <summary>An answer for one tag, or for all up to it; tags of other windows are not ours.</summary>
    /// <returns>How many messages this answered.</returns>
    public int Answer(ulong tag, bool multiple, SendResult result)
    {
        if (tag < firstTag)
        {
            return 0;
        }

        var last = (int)Math.Min(tag - firstTag, (ulong)messages.Count);
        if (last == messages.Count && !multiple)
        {
            return 0;
        }

        var before = _open;
        for (var i = multiple ? _firstOpen : last; i <= last && i < messages.Count; i++)
        {
            AnswerOne(i, result);
        }

        while (_firstOpen < messages.Count && _isAnswered[_firstOpen])
        {
            _firstOpen++;
        }

        return before - _open;
    }

    /// <summary>
    /// The broker has no queue for this message; it confirms it all the same, afterwards. Returns come in the order of publishing, and a message
    /// that two windows hold is returned twice: the second time it is the other window's.
    /// </summary>
    /// <returns>False when it is no message of this window, or has been returned to it already.</returns>
    public bool Return(Guid id, string reason)
    {
        for (var n = 0; n < messages.Count; n++)
        {
            var i = (_nextReturned + n) % messages.Count;
            if (messages[i].Id == id && !_isAnswered[i] && _results[i].Outcome != SendOutcome.Unrouted)
            {
                _results[i] = new SendResult(SendOutcome.Unrouted, reason);
                _nextReturned = i + 1;
                return true;
            }
        }

        return false;
    }

    public void Break(Exception exception) => _answered.TrySetException(exception);

    /// <summary>Tells the sender, once the lock that guards the window has been left.</summary>
    public void Tell()
    {
        try
        {
            if (_flow is not null && !IsComplete)
            {
                ExecutionContext.Run(_flow, static count => CrashPoint.Reach("D4", (int)count!), messages.Count - _open);
            }
        }
        catch (Exception struck)
        {
            Break(struck);
        }

        if (IsComplete)
        {
            _answered.TrySetResult(_results);
        }
    }

    private void AnswerOne(int i, SendResult result)
    {
        if (_isAnswered[i])
        {
            return;
        }

        _isAnswered[i] = true;
        _open--;
        if (_results[i].Outcome != SendOutcome.Unrouted)
        {
            _results[i] = result;
        }
    }
}
