using System.Net.Sockets;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Messaging.Transactional;

/// <summary>
/// A setting that is missing or wrong is the operator's to mend: it is told in one line that names it, where a stack trace would bury it.
/// </summary>
public static partial class WrongSetting
{
    /// <summary>What a program ends with that does not start because of one.</summary>
    public const int ExitCode = 2;

    private const string OptionsSuffix = "Options";

    /// <summary>Runs a program; a wrong setting that it meets is told on standard error.</summary>
    /// <param name="program">From reading its settings to its end.</param>
    /// <returns>Its exit code, or <see cref="ExitCode"/>.</returns>
    public static async Task<int> TellAsync(Func<Task<int>> program)
    {
        ArgumentNullException.ThrowIfNull(program);
        try
        {
            return await program();
        }
        catch (Exception exception) when (Describe(exception) is { } lines)
        {
            await Console.Error.WriteLineAsync(lines);
            return ExitCode;
        }
    }

    /// <summary>Leaves it to <see cref="TellAsync"/> to tell why a host does not start; the host's own log would do so first, with a stack trace.</summary>
    /// <param name="logging">Of the host.</param>
    /// <param name="verbosity">The least level of the host's own lines.</param>
    /// <param name="hasStarted">From when on its log is whole.</param>
    public static void TellFailedStart(this ILoggingBuilder logging, LogLevel verbosity, Func<bool> hasStarted) =>
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => level >= verbosity && (level != LogLevel.Error || hasStarted()));

    /// <summary>
    /// Looks at every setting that is otherwise looked at while the host starts, which would log a wrong one with its stack trace. To be
    /// called before that.
    /// </summary>
    /// <param name="services">Of a program that serves HTTP on <c>ASPNETCORE_URLS</c>, after <c>AddTransactional</c>.</param>
    public static void Check(IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.GetRequiredService<IStartupValidator>().Validate();
        _ = services.GetRequiredService<Database>();
        var urls = services.GetRequiredService<IConfiguration>()["urls"] ?? "";
        foreach (var url in urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(url => !IsAddress(url)))
        {
            throw new SettingException("ASPNETCORE_URLS", url, "addresses like http://localhost:5080, with ; between them");
        }
    }

    /// <summary>Says what to mend, in the names under which settings are set.</summary>
    /// <param name="exception">Whatever kept a program from starting.</param>
    /// <returns>One line for each setting; null when it was no setting.</returns>
    public static string? Describe(Exception exception) => exception switch
    {
        SettingException => exception.Message,
        OptionsValidationException refused => string.Join(Environment.NewLine, refused.Failures.Select(failure => Name(refused.OptionsType, failure))),
        AggregateException { InnerExceptions: { Count: > 0 } all } => all.Select(Describe).ToList() is var lines && !lines.Contains(null) ? string.Join(Environment.NewLine, lines) : null,
        InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" } => DescribeUnbindable(exception.Message),
        InvalidOperationException { Source: "Microsoft.Extensions.Logging.Configuration" } =>
            $"Logging__LogLevel__…: {exception.Message} Set it to Trace, Debug, Information, Warning, Error, Critical or None.",
        // An address in use; the same on both loopback addresses of localhost; one that is not this machine's, or a port that needs rights.
        IOException { InnerException: AddressInUseException or AggregateException } or
            SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable or SocketError.AccessDenied } =>
            $"{exception.Message} Choose another address with ASPNETCORE_URLS.",
        InvalidDataException { InnerException: FormatException } => $"{exception.Message} {exception.GetBaseException().Message} Mend or remove the file.",
        _ => null,
    };

    /// <summary>The options type <c>InboxOptions</c> is read from the section <c>Inbox</c>; a message that names its setting already stays as it is.</summary>
    private static string Name(Type options, string failure)
    {
        var section = options.Name.EndsWith(OptionsSuffix, StringComparison.Ordinal) ? options.Name[..^OptionsSuffix.Length] : options.Name;
        return failure.Contains("__", StringComparison.Ordinal) ? failure : $"{section}__{failure}";
    }

    /// <summary>The binder says only in its text which setting it could not read. Should that change, its text is shown as it is.</summary>
    private static string DescribeUnbindable(string message)
    {
        if (Unbindable.Match(message) is not { Success: true, Groups: var found })
        {
            return message;
        }

        var expected = found["type"].Value switch
        {
            "System.Int32" or "System.Int64" => "a whole number in its range",
            "System.Boolean" => "true or false",
            var type => $"a {type}",
        };
        return new SettingException(found["path"].Value.Replace(":", "__", StringComparison.Ordinal), found["value"].Value, expected).Message;
    }

    private static bool IsAddress(string url)
    {
        try
        {
            return BindingAddress.Parse(url).Scheme is "http" or "https";
        }
        catch (FormatException)
        {
            return false;
        }
    }

    [GeneratedRegex("'(?<value>.*)' at '(?<path>[^']+)' to type '(?<type>[^']+)'", RegexOptions.Singleline)]
    private static partial Regex Unbindable { get; }
}
