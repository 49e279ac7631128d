namespace Messaging.Transactional;

/// <summary>
/// A window on whose channel the broker gave up, because of one of its messages or of another window's: too large, or not allowed there. Sent
/// again one by one, beside the channel of the others, so that exactly what the broker refuses is refused and holds up nobody. What had
/// arrived before arrives again.
/// </summary>
internal static class SuspectWindow
{
    /// <exception cref="IOException">The connection broke; some of the messages may have arrived.</exception>
    public static async Task<SendResult[]> SendAsync(ConfirmedChannel shared, IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        var results = new SendResult[messages.Count];
        var channel = await shared.OpenAnotherAsync(cancellationToken);
        try
        {
            for (var i = 0; i < messages.Count; i++)
            {
                try
                {
                    results[i] = (await channel.SendAsync([messages[i]], cancellationToken))[0];
                }
                catch (Exception) when (channel.Refusal is not null)
                {
                    results[i] = new SendResult(SendOutcome.Refused, channel.Refusal.ReplyText);
                    await channel.DisposeAsync();
                    channel = await shared.OpenAnotherAsync(cancellationToken);
                }
            }

            return results;
        }
        finally
        {
            await channel.DisposeAsync();
        }
    }
}
