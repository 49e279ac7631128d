namespace Messaging.Cli;

/// <summary>A value with its text as the command line writes it. The help prints a default as its text, and what it prints must be what the option takes.</summary>
internal readonly record struct Shown<T>(T Value, string Text)
{
    public static implicit operator T(Shown<T> shown) => shown.Value;

    public override string ToString() => Text;
}
